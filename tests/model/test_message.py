"""A message is checked member by member, and what was sent is what is read."""

import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from somabus.errors import MalformedMessageError, MessageError, MessageTooLargeError, UnsupportedFormatError
from somabus.model import wire
from somabus.model.message import MAX_HOPS, Message, Priority
from tests.model.examples import ID, NOW, an_id, document, json_objects, members, message, moments, quick, texts

REFUSED = [
    ("bus", "x"), ("bus", None), ("id", ID.upper()), ("id", ""), ("id", "../" + ID), ("thread", ID + "\n"),
    ("origin", 7),
    ("kind", "Note"), ("kind", ""), ("kind", "con"), ("kind", "two words"), ("sender", "../up"), ("sender", "Scout"),
    ("sender", None), ("sender", "c:"), ("to", "planner"), ("to", ["Planner"]), ("to", ["x" * 300]),
    ("to", ["a"] * 1001),
    ("to", None), ("channel", "arc:"), ("channel", "a:b:c"), ("channel", "../x"), ("channel", ""), ("channel", "a\n"),
    ("created_at", "2026-01-05T12:00:00"), ("created_at", "yesterday"), ("created_at", None),
    ("expires_at", "2026-01-05"), ("priority", "asap"), ("priority", 1), ("subject", "x" * 201), ("subject", None),
    ("body", None), ("body", 1), ("data", []), ("data", None), ("topic", "x" * 201), ("refs", []), ("refs", {"a": 1}),
    ("refs", {str(n): None for n in range(33)}), ("hops", -1), ("hops", MAX_HOPS + 1), ("hops", None), ("hops", 0.5),
    ("key", ""), ("key", "x" * 201), ("key", 1),
]  # fmt: skip


@quick
@given(texts, texts, json_objects, st.none() | texts, st.sampled_from(Priority))
def test_what_was_written_is_what_is_read(subject, body, data, topic, priority):
    """Any text in any language and any JSON data arrive as they were sent."""
    sent = message(subject=subject, body=body, data=data, topic=topic, priority=priority)

    assert Message.decode(sent.encode()) == sent


@quick
@given(moments(1970, 9999))
def test_times_keep_their_microseconds(at):
    """Times are as exact on the drive as they were in memory."""
    sent = message(created_at=at, expires_at=at)

    assert Message.decode(sent.encode()) == sent


def test_another_writers_spelling_is_the_same_message():
    """A message in another language's JSON style is read as the same value."""
    assert Message.decode(document(body="ümlaut")) == message(body="ümlaut")


def test_the_members_stand_in_the_order_of_the_format():
    """The file shows its members in the documented order, so a person finds them."""
    assert list(json.loads(message().encode())) == [
        "format", "bus", "id", "kind", "sender", "to", "channel", "created_at", "expires_at", "priority", "subject",
        "body",
        "data", "topic", "refs", "thread", "hops", "origin", "key",
    ]  # fmt: skip


def test_an_unknown_member_does_no_harm():
    """A later minor version may add a member; this one reads the rest."""
    assert Message.decode(document(mood="good")) == message()


@pytest.mark.parametrize(("member", "value"), REFUSED)
def test_a_member_that_breaks_its_rule_is_named(member, value):
    """The refusal says which member is wrong, so that the sender can mend it."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        Message.decode(document(**{member: value}))


@pytest.mark.parametrize("member", ["bus", "id", "kind", "sender", "to", "created_at", "thread", "origin"])
def test_a_member_that_is_missing_is_named(member):
    """A message without one of its needed members is refused, with the member's name."""
    value = members()
    del value[member]

    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}: Field required"):
        Message.decode(wire.dump(value))


@pytest.mark.parametrize("found", [2, None, True, "1"])
def test_another_format_is_told_from_a_malformed_message(found):
    """A message of a newer format asks for an update instead of being called broken."""
    with pytest.raises(UnsupportedFormatError):
        Message.decode(document(format=found))


def test_a_signature_that_was_not_cut_off_is_refused():
    """A signature in the wrong place is never silently ignored: it would look like an unsigned message."""
    with pytest.raises(MalformedMessageError, match="the last member"):
        Message.decode(document(signature="x"))


def test_foreign_values_are_quoted_and_cut():
    """A hostile value can neither flood nor forge the line that reports it."""
    with pytest.raises(MalformedMessageError) as caught:
        Message.decode(document(sender="evil\nOK all fine" * 100))

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_foreign_member_names_are_quoted_and_cut():
    """A hostile member name can neither flood nor forge the line that reports it."""
    with pytest.raises(MalformedMessageError) as caught:
        Message.decode(document(refs={"evil\nOK all fine" * 100: 5}))

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("member", ["created_at", "expires_at"])
def test_a_time_outside_the_calendar_is_malformed(member, at):
    """A time that has no place in UTC makes a malformed message, and never a crash of the reader."""
    with pytest.raises(MalformedMessageError, match=member):
        Message.decode(document(**{member: at}))


@pytest.mark.parametrize("channel", ["con", "x.", "arc:nul", "arc:x."])
def test_a_channel_that_has_no_folder_is_refused(channel):
    """A channel in a message keeps the rule for names, as its folder does."""
    with pytest.raises(MalformedMessageError):
        Message.decode(document(channel=channel))


@quick
@given(st.dictionaries(st.sampled_from(list(members())), json_objects | texts | st.integers() | st.none()))
def test_no_document_crashes_the_reader(changed):
    """Whatever the members hold, the answer is a message or a message error."""
    with contextlib.suppress(MessageError):
        assert Message.decode(json.dumps(members(**changed)).encode())


def test_times_are_in_utc_whatever_the_writer_wrote():
    """Two messages of one moment carry equal times, and their offset is zero."""
    read = Message.decode(document(created_at="2026-01-05T17:30:00+05:30"))

    assert read.created_at == NOW
    assert read.created_at.utcoffset() == timedelta(0)


def test_a_message_cannot_be_changed():
    """A message that was checked stays as it was checked."""
    with pytest.raises(ValidationError, match="frozen"):
        message().body = "other"


@pytest.mark.parametrize(("seconds", "expired"), [(-1, False), (0, True), (1, True)])
def test_a_message_expires_at_its_moment(seconds, expired):
    """At the moment of its expiry a message is not acted on any more, and before it is."""
    sent = message(expires_at=NOW)

    assert sent.expired(NOW + timedelta(seconds=seconds)) is expired


def test_a_message_without_expiry_never_expires():
    """No expiry means for ever."""
    assert not message().expired(datetime(9999, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(("refs", "reply_to"), [({}, None), ({"reply_to": None}, None), ({"reply_to": ID}, ID)])
def test_a_reply_says_what_it_answers(refs, reply_to):
    """`reply_to` is the reference of that name, or None."""
    assert message(refs=refs).reply_to == reply_to


def test_urgent_comes_before_high_before_normal_before_low():
    """The digits in front of the names sort as the priorities do."""
    order = [Priority.URGENT, Priority.HIGH, Priority.NORMAL, Priority.LOW]

    assert sorted(Priority, key=lambda priority: priority.digit) == order
    assert len({priority.digit for priority in Priority}) == len(Priority)


@pytest.mark.parametrize("data", [{"x": {1}}, {"x": b"bytes"}, {"x": "\ud800"}, {"x": 2**64}, {"x": ...}])
def test_data_that_is_no_json_is_not_sent(data):
    """Data that could not be read back is refused at the sender, as a malformed message."""
    with pytest.raises(MalformedMessageError, match="cannot be written as JSON"):
        message(data=data).encode()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_lacks_is_not_sent(number):
    """Data arrive as they were sent, or are refused; a NaN does not silently become null."""
    with pytest.raises(MalformedMessageError):
        message(data={"x": number}).encode()


def test_data_nested_too_deeply_is_not_sent():
    """What every reader would refuse is refused at the sender."""
    data = {}
    for _ in range(wire.MAX_DEPTH):
        data = {"a": data}

    with pytest.raises(MalformedMessageError, match="nested deeper"):
        message(data=data).encode()


def test_a_message_over_the_limit_is_not_sent():
    """The limit is on the bytes of the file, signature included, and the error says both numbers."""
    room = wire.MAX_DOCUMENT - 128 - len(message().encode())

    assert len(message(body="x" * room).encode()) == wire.MAX_DOCUMENT - 128
    with pytest.raises(MessageTooLargeError) as caught:
        message(body="x" * (room + 1)).encode()
    assert (caught.value.size, caught.value.limit) == (wire.MAX_DOCUMENT - 127, wire.MAX_DOCUMENT - 128)


@pytest.mark.parametrize(
    "act", [lambda: message(kind="answer").encode(), lambda: Message.decode(document(kind="answer"))]
)
def test_the_kinds_own_shape_is_checked_on_both_sides(act):
    """What the kind asks for is checked by the sender and again by the reader."""
    with pytest.raises(MalformedMessageError, match="reply_to"):
        act()


def test_an_object_as_a_whole_can_be_wrong():
    """A refusal that concerns no single member still says so."""
    with pytest.raises(ValidationError) as caught:
        Message.model_validate(an_id())

    from somabus.model.message import explain

    assert explain(caught.value).startswith("the object: ")
