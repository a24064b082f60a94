"""A stop is a file whose name stops: whoever makes one in a hurry is understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.errors import MalformedMessageError
from somabus.model import wire
from somabus.model.names import is_name
from somabus.model.stop import Range, Resume, Scope, Stop, scope_of
from tests.model.examples import ID, NOW, quick

BUS = Scope(Range.BUS)
STOP = Stop(bus=ID, id=ID, range=Range.AGENT, name="scout", why="fire", at=NOW, by="anna")
RESUME = Resume(bus=ID, stop=ID, why="out", at=NOW, by="anna")
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True).filter(is_name)


@pytest.mark.parametrize(
    "file",
    [
        "STOP", "stop", "Stop", "sToP", "STOP.txt", "stop.txt", "STOP.TXT", "STOP.md", "STOP.json", "STOP.txt.txt",
        "STOP (1).txt", "STOP - Copy.txt", "STOP!", "STOP_NOW", "stop-it", "STOP please", "STOP.", "STOP ", "STOP~",
        "STOP.agent", "STOP.kind", "STOP.agent.", "STOP.kind.", "STOP.agents.scout", "STOP.everything.now",
        "STOP.bus", "STOP,agent.scout", "STOP.agent scout",
    ],
)  # fmt: skip
def test_a_name_that_begins_with_stop_stops_everything(file):
    """In an emergency nobody need know the exact name: what begins with the word stops the whole bus."""
    assert scope_of(file) == BUS


@pytest.mark.parametrize(
    ("file", "scope"),
    [
        ("STOP.agent.scout", Scope(Range.AGENT, "scout")),
        ("stop.AGENT.Scout", Scope(Range.AGENT, "scout")),
        ("STOP.agent.scout.v2", Scope(Range.AGENT, "scout.v2")),
        ("STOP.kind.deploy", Scope(Range.KIND, "deploy")),
        ("Stop.Kind.DEPLOY", Scope(Range.KIND, "deploy")),
        ("STOP.kind.deploy.txt", Scope(Range.KIND, "deploy.txt")),
    ],
)
def test_one_agent_or_one_kind_is_named_after_it(file, scope):
    """Upper and lower case are one, as they are on Windows."""
    assert scope_of(file) == scope


@pytest.mark.parametrize(
    "file",
    [
        "", "somabus.json", "registry", "STO", "STOPPED", "stopwatch", "stops", "STOP1", "Stopp", "nonstop", "non-stop",
        "do not STOP", " STOP", ".stop", "_STOP", "HALT", "messages", "tmp",
    ],
)  # fmt: skip
def test_another_word_stops_nothing(file):
    """A word that only holds `stop`, or goes on after it, is another word."""
    assert scope_of(file) is None


@quick
@given(names, st.sampled_from([Range.AGENT, Range.KIND]), st.booleans())
def test_the_file_of_a_scope_is_understood(name, range_, upper):
    """What `somabus stop` writes is read back as what was meant, whatever a drive does to the case."""
    scope = Scope(range_, name)

    assert scope_of(scope.file.upper() if upper else scope.file) == scope
    assert scope_of(BUS.file) == BUS


@quick
@given(st.text(max_size=30))
def test_no_name_makes_it_crash(rest):
    """Whatever somebody calls a file, agents go on looking."""
    assert scope_of(f"STOP.{rest}") is not None
    scope_of(rest)


@pytest.mark.parametrize("file", ["STOP.k\u0131nd.deploy", "STOP.k\u0130nd.deploy"], ids=ascii)
def test_no_letter_of_another_alphabet_makes_it_crash(file):
    """A Turkish i in the name of a stop stops everything, and crashes nobody."""
    assert scope_of(file) == BUS


@pytest.mark.parametrize(
    ("scope", "agent", "kind", "covered"),
    [
        (BUS, "scout", None, True), (BUS, "scout", "deploy", True),
        (Scope(Range.AGENT, "scout"), "scout", None, True), (Scope(Range.AGENT, "scout"), "scout", "deploy", True),
        (Scope(Range.AGENT, "scout"), "planner", None, False), (Scope(Range.AGENT, "scout"), "planner", "scout", False),
        (Scope(Range.AGENT, "scout.txt"), "scout", None, True), (Scope(Range.AGENT, "scout.txt"), "scout.txt", None, True),
        (Scope(Range.KIND, "deploy"), "scout", "deploy", True), (Scope(Range.KIND, "deploy"), "scout", "note", False),
        (Scope(Range.KIND, "deploy"), "scout", None, False), (Scope(Range.KIND, "deploy"), "deploy", None, False),
        (Scope(Range.KIND, "deploy.txt"), "scout", "deploy", True),
    ],
)  # fmt: skip
def test_a_stop_covers_what_it_names(scope, agent, kind, covered):
    """An agent's stop covers all its work, a kind's stop everybody's; the ending that Windows hides does not matter."""
    assert scope.covers(agent, kind) is covered


@pytest.mark.parametrize(
    ("scope", "file", "said"),
    [
        (BUS, "STOP", "the whole bus"),
        (Scope(Range.AGENT, "scout"), "STOP.agent.scout", "the agent scout"),
        (Scope(Range.KIND, "deploy"), "STOP.kind.deploy", "work of kind deploy"),
    ],
)
def test_a_scope_says_what_it_stops(scope, file, said):
    """People read it as a phrase, the drive has it as a name."""
    assert (scope.file, str(scope)) == (file, said)


@pytest.mark.parametrize("value", [STOP, Stop(bus=ID, id=ID, range=Range.BUS, at=NOW), RESUME])
def test_what_is_written_is_read_back(value):
    """Stops and resumes come back from the drive as they were written."""
    assert type(value).from_object(wire.parse_object(value.to_json())) == value


def test_a_stop_says_what_it_stops():
    """What was signed names the scope, so that a copy under another name is none."""
    assert STOP.scope == Scope(Range.AGENT, "scout")
    assert Stop(bus=ID, id=ID, range=Range.BUS, at=NOW).scope == BUS


@pytest.mark.parametrize(
    ("value", "member", "wrong"),
    [
        (STOP, "bus", "x"), (STOP, "id", ""), (STOP, "range", "all"), (STOP, "name", "../up"), (STOP, "by", "Anna"),
        (STOP, "why", "x" * 1001), (STOP, "at", 7), (RESUME, "stop", "x"), (RESUME, "by", ""),
        (RESUME, "why", "x" * 1001), (RESUME, "at", "today"),
    ],
)  # fmt: skip
def test_a_member_that_breaks_its_rule_is_named(value, member, wrong):
    """The refusal says which member is wrong."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        type(value).from_object({**value.model_dump(), member: wrong})
