"""An approval is good for exactly what was asked, once, until its expiry."""

from datetime import timedelta
from itertools import product

import pytest

from somabus.errors import MalformedMessageError
from somabus.model import wire
from somabus.model.approval import Answer, ApprovalState, Covered, Request, Use, mismatch, standing
from tests.model.examples import ID, NOW, message

HOUR = timedelta(hours=1)
REQUEST = Request(bus=ID, id=ID, agent="scout", action="shell", category="general", detail="ls -l", data={"n": 1},
                  to="planner", asked_at=NOW, expires_at=NOW + HOUR)  # fmt: skip
GRANTED = Answer(bus=ID, id=ID, request="0" * 64, granted=True, at=NOW, operator="anna")
DENIED = GRANTED.model_copy(update={"granted": False})
USE = Use(bus=ID, id=ID, by="scout", at=NOW, message=ID)
ASKED_FOR = {"kind": "shell", "sender": "scout", "body": "ls -l", "data": {"n": 1}}
STANDINGS = {
    # (answer, past the expiry, used)
    (None, False, False): "asked",
    (None, False, True): "used",
    (None, True, False): "expired",
    (None, True, True): "used",
    (GRANTED, False, False): "granted",
    (GRANTED, False, True): "used",
    (GRANTED, True, False): "expired",
    (GRANTED, True, True): "used",
    (DENIED, False, False): "denied",
    (DENIED, False, True): "used",
    (DENIED, True, False): "denied",
    (DENIED, True, True): "used",
}


@pytest.mark.parametrize(
    ("answer", "past", "used"), list(product((None, GRANTED, DENIED), (False, True), (False, True)))
)
def test_where_it_stands_is_one_table(answer, past, used):
    """Of answer, expiry and use, each combination has one standing, and exactly one of them may act."""
    now = NOW + (HOUR if past else HOUR - timedelta(microseconds=1))

    assert standing(REQUEST, answer, now, used=used) == STANDINGS[answer, past, used]


def test_only_a_yes_in_time_and_unused_may_act():
    """Silence, a no, a yes past its time and a yes that was used are all no."""
    assert [key for key, state in STANDINGS.items() if state == ApprovalState.GRANTED] == [(GRANTED, False, False)]


def test_the_last_moment_is_too_late():
    """At the expiry itself it is "no"."""
    assert standing(REQUEST, GRANTED, REQUEST.expires_at, used=False) is ApprovalState.EXPIRED


def test_exactly_what_was_asked_matches():
    """The very message that the request describes is let through."""
    assert mismatch(REQUEST, Covered.mail(message(**ASKED_FOR)), "planner") == ""


@pytest.mark.parametrize(
    ("member", "other"),
    [
        ("sender", "mallory"), ("kind", "deploy"), ("body", "ls -l; rm -rf ."), ("body", "ls -l "), ("body", ""),
        ("data", {}), ("data", {"n": 2}), ("data", {"n": 1, "m": 1}), ("data", {"n": "1"}), ("data", {"n": [1]}),
        ("subject", "and more"), ("topic", "t"), ("topic", ""),
    ],
)  # fmt: skip
def test_one_member_changed_is_named(member, other):
    """Another sender, kind, body, data, subject or topic was not approved; a blank is a change."""
    found = mismatch(REQUEST, Covered.mail(message(**{**ASKED_FOR, member: other})), "planner")

    assert found == f"its {member} is not the approved one"


@pytest.mark.parametrize("other", [{"n": True}, {"n": 1.0}])
def test_a_value_of_another_type_is_another_value(other):
    """`true` was not approved where 1 was."""
    assert (
        mismatch(REQUEST, Covered.mail(message(**{**ASKED_FOR, "data": other})), "planner")
        == "its data is not the approved one"
    )


def test_the_order_of_members_is_no_difference():
    """JSON objects have no order, so another writer's order is the same data."""
    request = REQUEST.model_copy(update={"data": {"a": 1, "b": 2}})

    assert mismatch(request, Covered.mail(message(**{**ASKED_FOR, "data": {"b": 2, "a": 1}})), "planner") == ""


def test_another_recipient_is_named():
    """An approval for planner opens nothing at archivist."""
    assert mismatch(REQUEST, Covered.mail(message(**ASKED_FOR)), "archivist") == "its to is not the approved one"


@pytest.mark.parametrize("value", [REQUEST, GRANTED, DENIED, USE, USE.model_copy(update={"message": None})])
def test_what_is_written_is_read_back(value):
    """Requests, answers and uses come back from the drive as they were written."""
    assert type(value).from_object(wire.parse_object(value.to_json())) == value


@pytest.mark.parametrize(
    ("value", "member", "wrong"),
    [
        (REQUEST, "id", "x"), (REQUEST, "agent", "Scout"), (REQUEST, "action", "rm -rf"), (REQUEST, "category", ""),
        (REQUEST, "detail", ""), (REQUEST, "detail", "x" * 20_001), (REQUEST, "data", []), (REQUEST, "to", "../up"),
        (REQUEST, "expires_at", None), (REQUEST, "asked_at", 7),
        (GRANTED, "request", "0" * 63), (GRANTED, "request", "A" * 64), (GRANTED, "granted", None),
        (GRANTED, "granted", "perhaps"), (GRANTED, "why", "x" * 1001), (GRANTED, "operator", ""),
        (USE, "by", ""), (USE, "message", "x"), (USE, "at", 7),
    ],
)  # fmt: skip
def test_a_member_that_breaks_its_rule_is_named(value, member, wrong):
    """The refusal says which member is wrong."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        type(value).from_object({**value.model_dump(), member: wrong})
