"""A post has one name, and a body calls whom a reader would say it calls."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.model.address import MOST_MENTIONS, Address, mentions, parse_address
from tests.model.examples import quick

NAMES = st.from_regex(re.compile(r"[a-z0-9][a-z0-9_-]{0,62}[a-z0-9]", re.ASCII), fullmatch=True).filter(
    lambda name: name not in ("con", "prn", "aux", "nul") and not re.fullmatch(r"(com|lpt)\d", name)
)
CHANNELS = st.one_of(NAMES, st.tuples(NAMES, NAMES).map(":".join))


# -- addresses -----------------------------------------------------------------------------------------------------


@quick
@given(CHANNELS, st.integers(1, 9_999_999_999))
def test_an_address_is_read_as_it_is_written(channel, number):
    """Every post of every channel has an address that names it and nothing else."""
    address = Address(channel, number)

    assert parse_address(str(address)) == address
    assert parse_address(f"#{number}", channel) == address


@pytest.mark.parametrize(
    ("text", "here", "found"),
    [
        ("arc:wiki#17", None, ("arc:wiki", 17)),
        ("general#1", "arc:wiki", ("general", 1)),
        ("#17", "arc:wiki", ("arc:wiki", 17)),
        ("branch:v1.2#3", None, ("branch:v1.2", 3)),
    ],
)
def test_a_bare_number_is_of_the_channel_at_hand(text, here, found):
    """`#17` means the seventeenth post here, `arc:wiki#17` the one there, wherever it is written."""
    assert parse_address(text, here) == found


@pytest.mark.parametrize(
    "text",
    [
        "", "#", "#17", "17", "arc:wiki", "arc:wiki#", "arc:wiki#0", "arc:wiki#017", "arc:wiki#-1", "arc:wiki#1.5",
        "arc:wiki#12345678901", "arc:wiki#x", "arc:wiki#1#2", "arc:wiki #1", " arc:wiki#1", "arc:wiki#1\n", "Arc:wiki#1",
        "a:b:c#1", ":wiki#1", "arc:#1", "con#1", "../x#1", "arc=wiki#1", "arc:wiki#\u0661", "\u0430rc:wiki#1", "x" * 65 + "#1",
        "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a",
    ],
)  # fmt: skip
def test_what_is_no_address_is_none(text):
    """A text that names no post of a channel that could be is no address, and is no error either: it may be an id."""
    assert parse_address(text) is None


@pytest.mark.parametrize("here", [None, "", "no channel", "a:b:c"])
def test_a_bare_number_without_a_channel_is_none(here):
    """`#17` outside a channel names nothing."""
    assert parse_address("#17", here) is None


@quick
@given(st.text(max_size=60), st.none() | st.text(max_size=20))
def test_no_text_breaks_the_reading(text, here):
    """Whatever stands in a reference, it is an address or none."""
    found = parse_address(text, here)

    assert found is None or parse_address(str(found)) == found


# -- mentions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "called"),
    [
        ("@worker please", ("worker",)),
        ("please, @worker", ("worker",)),
        ("@worker, @planner: and @worker", ("worker", "planner")),
        ("(@worker)", ("worker",)),
        ("**@worker** _@planner_ ~~@scout~~", ("worker", "planner", "scout")),
        ("> @worker\n- @planner\n1. @scout", ("worker", "planner", "scout")),
        ("ask @worker.", ("worker",)),
        ("ask @worker...", ("worker",)),
        ("ask @worker.Then go on", ("worker",)),
        ("is it @worker?", ("worker",)),
        ("@worker's index; @planner-", ("worker", "planner")),
        ("@a.b-c_d v1.2@x", ("a.b-c_d",)),
        ("\u00fcber @worker\u2026 \u201e@planner\u201c", ("worker", "planner")),
        ("@1st", ("1st",)),
        ("", ()),
    ],
)
def test_a_name_behind_an_at_is_called(body, called):
    """`@name` calls whoever has that name, each once, in the order of the text; punctuation and emphasis around it are none of the name."""
    assert mentions(body) == called


@pytest.mark.parametrize(
    "body",
    [
        "anna@worker", "anna@worker.example", "first.last+tag@worker", "john_@worker", "a-b@worker", "@@worker",
        "https://host/@worker", "@", "@ worker", "@.", "@-worker", "@_worker", "@Worker", "@W", "@con", "@com1", "@nul.txt",
        "@\u0430nna", "x@", "\\x@worker",
    ],
)  # fmt: skip
def test_what_is_no_call_calls_nobody(body):
    """An e-mail address, a path, a lone sign and what could be no name call nobody."""
    assert mentions(body) == ()


@pytest.mark.parametrize(
    "body",
    [
        "`@worker`", "say `echo @worker` there", "``@worker``", "`` a ` @worker ` b ``", "```@worker```",
        "```\n@worker\n```", "```python\n@worker\ndef f(): ...\n```", "~~~\n@worker\n~~~", "   ```\n@worker\n   ```",
        "```\n@worker", "~~~\n@worker", "```\n`\n@worker\n```", "- item\n    ```\n    @worker\n    ```",
    ],
)  # fmt: skip
@pytest.mark.parametrize("behind", ["", "\n\n@planner"])
def test_what_stands_in_code_calls_nobody(body, behind):
    """Code is quoted, not said: a decorator in a block or a name in backticks calls nobody, and what follows the code calls as ever."""
    open_ended = body in ("```\n@worker", "~~~\n@worker")

    assert mentions(body + behind) == (("planner",) if behind and not open_ended else ())


@pytest.mark.parametrize(
    "body",
    [
        "a lone ` @worker",
        "it is ~~~ cheap, @worker",
        "`a`@worker",
        "`` and\n@worker",
        "a ``` b @worker",
        "```x``` @worker",
    ],
)
def test_a_stray_backtick_or_tilde_hides_nobody(body):
    """What opens no code does not swallow the call behind it: somebody would wait for an answer in vain."""
    assert mentions(body) == ("worker",)


@pytest.mark.parametrize(("length", "called"), [(63, 1), (64, 1), (65, 0), (200, 0)])
@pytest.mark.parametrize("behind", ["", ".", " x"])
def test_a_name_is_called_whole_or_not_at_all(length, called, behind):
    """A name of the greatest length is called; a longer one calls nobody, least of all who is named like its beginning."""
    assert mentions("@" + "a" * length + behind) == ("a" * length,) * called


def test_all_who_are_called_are_told():
    """Nobody is cut off the list here: how many a post may call is the poster's limit."""
    names = [f"agent-{n}" for n in range(3 * MOST_MENTIONS)]

    assert mentions(" ".join(f"@{name}" for name in names)) == tuple(names)


@quick
@given(st.lists(NAMES, max_size=6), st.sampled_from([" ", ", ", "\n", " / ", "! "]))
def test_every_name_can_be_called(names, between):
    """There is no agent whose name cannot be called, whatever stands between the names."""
    assert mentions(between.join(f"@{name}" for name in names)) == tuple(dict.fromkeys(names))


@quick
@given(st.text(st.sampled_from("@ab.`~\n -_/"), max_size=80))
def test_no_body_breaks_the_reading(body):
    """Whatever stands in a body, all who are called have names, and each is called once."""
    called = mentions(body)

    assert len(set(called)) == len(called)
    assert all(f"@{name}" in body for name in called)


@pytest.mark.parametrize("piece", ["`", "``a", "``` a", "```\n", "~~~\n", "@a", "@" + "a" * 70, "`` a\n", ".@", "a_@"])
def test_a_hostile_body_is_read_as_fast_as_any(piece):
    """A body of the greatest length that is made of nothing but beginnings is read in one go: a reader is not held up by it."""
    begun = time.process_time()

    assert len(mentions(piece * (250_000 // len(piece)))) <= 1
    assert time.process_time() - begun < 2
