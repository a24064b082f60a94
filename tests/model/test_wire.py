"""JSON as it lies on the drive: what two parsers could see differently is refused."""

import contextlib
import inspect
import json
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.errors import MalformedMessageError, UnsupportedFormatError
from somabus.model import wire
from tests.model.examples import NOW, json_objects, json_values, quick, texts

BLANKS = st.text(" \t\r\n", max_size=3)


@quick
@given(json_objects)
def test_what_is_written_is_read_back(value):
    """Every JSON object survives the drive unchanged."""
    assert wire.parse_object(wire.dump(value)) == value


@quick
@given(json_objects, st.booleans(), st.sampled_from([None, 0, 1, "\t"]))
def test_another_writers_style_makes_no_difference(value, ascii_only, indent):
    """Blanks, line breaks and escapes of a foreign writer are read as the same object."""
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()

    assert wire.parse_object(raw) == value


def _deep(levels, inner):
    return b'{"a":' * (levels - 1) + inner + b"}" * (levels - 1)


@quick
@given(texts, json_values, json_values, BLANKS, BLANKS, st.booleans(), st.integers(1, 8))
def test_a_member_that_stands_twice_is_refused(name, one, two, left, right, escaped, levels):
    """However it is spaced, escaped and nested: a duplicate member is two messages under one signature."""
    first, second = json.dumps(name), json.dumps(name, ensure_ascii=escaped)
    twice = (
        f"{left}{{{left}{first}{right}:{json.dumps(one)}{left},{second}{left}:{right}{json.dumps(two)}{right}}}{left}"
    )

    with pytest.raises(MalformedMessageError, match="stands twice"):
        wire.parse_object(_deep(levels, twice.encode()))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}', b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b'{ "a" : 1 , "a" : 1 }', b'{"a":1,"b":2,"a":1}',
        b'{"x":{"a":1,"a":1}}', b'{"x":[{"a":1,"a":1}]}', b'{"a":null,"a":{}}', b'{"":1,"":1}', b'{"a":1e400000,"a":1}',
    ],
)  # fmt: skip
def test_known_shapes_of_duplicates_are_refused(raw):
    """The shapes that smuggled a second reading past other parsers do not pass here."""
    with pytest.raises(MalformedMessageError):
        wire.parse_object(raw)


def test_the_refusal_quotes_and_cuts_the_member():
    """A hostile member name can neither forge nor flood the line that reports it."""
    with pytest.raises(MalformedMessageError) as caught:
        wire.parse_object(json.dumps({"x\n" * 200: 1})[:-1].encode() + b"," + json.dumps({"x\n" * 200: 1})[1:].encode())

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("raw", [b'{"a":{"x":1},"b":{"x":1}}', b'{"x":[{"a":1},{"a":1}]}', b'{"a":"a","A":"a"}'])
def test_the_same_name_in_two_objects_is_no_duplicate(raw):
    """Only within one object must a name be unique, and case matters."""
    assert wire.parse_object(b" " + raw) == json.loads(raw)


@pytest.mark.parametrize("raw", [b"", b" ", b"\n\t "])
def test_an_empty_file_is_said_to_be_empty(raw):
    """A file that a power cut left empty is told from one that holds nonsense."""
    with pytest.raises(MalformedMessageError, match="empty"):
        wire.parse_object(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"{", b"}", b"{]", b"{'a':1}", b'{"a":1,}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e999}', b'{"a":1}x',
        b'{"a":1}{}',
        b'\xef\xbb\xbf{"a":1}', b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":"\x01"}', b'{"a":01}', b"{a:1}", b"\x00",
        '{"a":1}'.encode("utf-16"), b'{"a":1} // no', b'{"a":' * 5000,
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(raw):
    """Bytes that strict JSON in UTF-8 does not allow are malformed, and never a crash."""
    with pytest.raises(MalformedMessageError, match="no JSON"):
        wire.parse_object(raw)


@pytest.mark.parametrize(("raw", "found"), [(b"[]", "list"), (b"null", "NoneType"), (b'"x"', "str"), (b"1", "int")])
def test_a_document_is_an_object(raw, found):
    """JSON that is no object is refused, and the refusal says what it is."""
    with pytest.raises(MalformedMessageError, match=f"object is needed, not {found}"):
        wire.parse_object(raw)


@quick
@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(raw):
    """Whatever lies in a file, the answer is an object or the one error."""
    with contextlib.suppress(MalformedMessageError):
        assert isinstance(wire.parse_object(raw), dict)


@pytest.mark.parametrize("opening", [b'{"a":', b"["])
def test_64_levels_are_read_and_65_are_not(opening):
    """Nesting has a limit that is the same for every reader, however deep its stack is."""
    closing = b"}" if opening.startswith(b"{") else b"]"

    def nested(levels):
        return b'{"a":' + opening * (levels - 1) + b"1" + closing * (levels - 1) + b"}"

    assert wire.parse_object(nested(wire.MAX_DEPTH))
    with pytest.raises(MalformedMessageError, match="nested deeper than 64"):
        wire.parse_object(nested(wire.MAX_DEPTH + 1))


@pytest.mark.parametrize("value", [{"a": "[{" * 100}, {"a": [{"b": 1}] * 100}, {"a": [[]] * 100}])
def test_brackets_alone_are_no_depth(value):
    """A wide object and brackets inside a text are fine."""
    assert wire.parse_object(wire.dump(value)) == value


def test_a_reader_at_the_end_of_its_stack_refuses_the_document():
    """A nested file read from deep inside a program is refused with the one error, and the program goes on."""
    raw = b" " + _deep(60, b"{}")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 25)

    try:
        with pytest.raises(MalformedMessageError):
            wire.parse_object(raw)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("found", [0, 2, "1", None, True, [1], 1.5])
def test_another_format_is_not_guessed_at(found):
    """A document of a format that is not known is refused, with the number that was found."""
    with pytest.raises(UnsupportedFormatError) as caught:
        wire.check_format({"format": found})

    assert caught.value.found is found


def test_a_missing_format_is_refused():
    """A document that does not say its format is not taken for format 1."""
    with pytest.raises(UnsupportedFormatError):
        wire.check_format({})


def test_format_1_is_read():
    """What says format 1 passes."""
    assert wire.check_format({"format": 1, "more": 2}) is None


def test_times_are_written_in_utc_with_a_z():
    """Times on the drive look alike whatever zone the writer lives in."""
    at = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert wire.dump({"at": wire.utc(at)}) == b'{"at":"2026-01-05T12:00:00Z"}'
    assert wire.utc(at) == datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert wire.utc(at).utcoffset() == timedelta(0)
