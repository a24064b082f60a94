"""Names that a person would take for one another are told apart before somebody is taken in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.model.lookalike import Lookalikes, skeleton, twin_of
from tests.model.examples import quick

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,12}", fullmatch=True)
TWINS = [
    ("planner", "p1anner"), ("planner", "pianner"), ("planner", "planner-"), ("planner", "plan-ner"),
    ("scout", "sc0ut"), ("scout", "5cout"), ("scout-1", "scout1"), ("scout_1", "scout-1"), ("scout.1", "scout-l"),
    ("modern", "modem"), ("warden", "vvarden"), ("dave", "clave"), ("dave", "c1ave"), ("admin", "adm1n"),
    ("admin", "adrnin"), ("1l", "il"), ("bill", "b1ll"), ("oo", "00"), ("m", "r-n"), ("m", "r.n"),
]  # fmt: skip
OTHERS = [
    ("planner", "planer"), ("planner", "planners"), ("scout", "shout"), ("scout-1", "scout-2"), ("anna", "hanna"),
    ("anna", "ana"), ("scout", "scouts"), ("a", "b"), ("dave", "save"), ("worker-3", "worker-8"), ("ab", "ba"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), TWINS)
def test_names_that_look_alike_are_twins(one, other):
    """A digit for a letter, two letters for one, a dash more or less: each is seen, from both sides."""
    assert twin_of(other, {one, "zeta"}) == one
    assert twin_of(one, {other, "zeta"}) == other


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_names_that_differ_are_left_in_peace(one, other):
    """Another letter, or one more, is another name: a bus has many agents of similar names."""
    assert twin_of(one, {other}) is None
    assert twin_of(other, {one}) is None


@quick
@given(names, st.sets(names, max_size=5))
def test_a_name_is_no_twin_of_itself(name, known):
    """Whoever has joined is not accused of looking like itself."""
    assert twin_of(name, {name}) is None
    assert twin_of(name, {*known, name}) != name


@quick
@given(names, names)
def test_looking_alike_has_no_direction(one, other):
    """If one looks like the other, the other looks like the one."""
    assert (twin_of(one, {other}) is None) is (twin_of(other, {one}) is None)


@quick
@given(names)
def test_what_is_left_of_a_name_looks_like_itself(name):
    """Writing look-alikes alike is done at one go: a second time changes nothing."""
    assert skeleton(skeleton(name)) == skeleton(name)


def test_of_several_the_same_one_is_named_at_each_run():
    """The refusal names the same twin on every machine."""
    assert twin_of("p1anner", ["planner", "pianner", "plan-ner"]) == "pianner"


@pytest.mark.parametrize(
    ("title", "taken"),
    [
        ("planner", True), ("Planner", True), ("PLANNER", True), ("P l a n n e r", True), ("p1anner", True),
        ("Plan-ner", True), ("  planner\n", True), ("planner's friend", False), ("The Planner", False), ("", False),
        ("scout", False),
    ],
)  # fmt: skip
def test_a_title_that_reads_like_a_name_is_seen(title, taken):
    """A display name may be anything, except what a person would read as somebody else's name."""
    assert Lookalikes(["planner", "anna"]).read_as(title, of="scout") == ("planner" if taken else None)


def test_an_agent_may_carry_its_own_name_as_title():
    """Nobody is taken in by an agent that calls itself what it is called."""
    assert Lookalikes(["planner", "anna"]).read_as("Planner", of="planner") is None


@pytest.mark.parametrize("title", ["\u0440lanner", "pl\u0430nner", "\uff50lanner", "pla\u200bnner"], ids=ascii)
def test_a_title_in_look_alike_letters_is_seen(title):
    """Cyrillic letters, full-width ones and blanks of no width read like ours to a person."""
    assert Lookalikes(["planner"]).read_as(title, of="scout") == "planner"
