"""A kind that has a shape is checked for it; any other kind is carried and not judged."""

import pytest

from somabus.errors import MalformedMessageError
from somabus.model.kinds import KINDS, NEVER_BOUNCED, NEVER_MUTED, check_kind
from somabus.model.names import is_name
from tests.model.examples import ID

INSIGHT = {"topic": "smb", "statement": "renames to one name have two winners", "confidence": 0.8}
ALERT = {"component": "drive", "severity": "warning", "detail": "nearly full"}


@pytest.mark.parametrize(
    ("kind", "data", "refs", "channel"),
    [
        ("insight", INSIGHT, {}, None),
        ("insight", {**INSIGHT, "confidence": 0}, {}, None),
        ("insight", {**INSIGHT, "confidence": 1, "more": "x"}, {}, None),
        *[
            ("alert", {**ALERT, "severity": severity}, {}, None)
            for severity in ("info", "warning", "error", "critical")
        ],
        ("answer", {}, {"reply_to": ID}, None),
        ("brief", {}, {}, "arc:wiki"),
        ("closeout", {}, {}, "arc:wiki"),
        ("weather", {"any": "thing"}, {"any": None}, "general"),
        *[(kind, {}, {}, None) for kind in KINDS if kind not in ("insight", "alert", "answer", "brief", "closeout")],
    ],
)
def test_what_has_its_shape_passes(kind, data, refs, channel):
    """A message with what its kind asks for, and any message of a kind that asks nothing, is accepted."""
    assert check_kind(kind, data, refs, channel) is None


@pytest.mark.parametrize(
    ("kind", "data", "named"),
    [
        *[("insight", {k: v for k, v in INSIGHT.items() if k != gone}, gone) for gone in INSIGHT],
        ("insight", {**INSIGHT, "topic": ""}, "topic"),
        ("insight", {**INSIGHT, "topic": "x" * 201}, "topic"),
        ("insight", {**INSIGHT, "statement": ""}, "statement"),
        ("insight", {**INSIGHT, "confidence": 1.01}, "confidence"),
        ("insight", {**INSIGHT, "confidence": -0.01}, "confidence"),
        ("insight", {**INSIGHT, "confidence": float("nan")}, "confidence"),
        ("insight", {**INSIGHT, "confidence": "sure"}, "confidence"),
        *[("alert", {k: v for k, v in ALERT.items() if k != gone}, gone) for gone in ALERT],
        ("alert", {**ALERT, "severity": "Warning"}, "severity"),
        ("alert", {**ALERT, "severity": "warning\n"}, "severity"),
        ("alert", {**ALERT, "detail": ""}, "detail"),
        ("alert", {**ALERT, "component": ""}, "component"),
    ],
)
def test_what_lacks_its_shape_is_refused_with_the_members_name(kind, data, named):
    """The refusal names kind and member, so that the sender can mend it."""
    with pytest.raises(MalformedMessageError, match=rf"data\.{named} of a message of kind {kind}"):
        check_kind(kind, data, {}, None)


@pytest.mark.parametrize("refs", [{}, {"reply_to": None}, {"reply_to": ""}])
def test_an_answer_says_what_it_answers(refs):
    """An answer without its question is refused."""
    with pytest.raises(MalformedMessageError, match="reply_to"):
        check_kind("answer", {}, refs, None)


@pytest.mark.parametrize("kind", ["brief", "closeout"])
@pytest.mark.parametrize("channel", [None, "", "general", "arcs:x"])
def test_a_brief_and_a_closeout_belong_to_an_arc(kind, channel):
    """Both are refused outside a channel of the form arc:<name>."""
    with pytest.raises(MalformedMessageError, match="arc"):
        check_kind(kind, {}, {}, channel)


def test_the_known_kinds_are_names_and_stand_once():
    """Every kind known by name is one that a message may carry."""
    assert all(is_name(kind) for kind in KINDS)
    assert len(set(KINDS)) == len(KINDS)


def test_alarms_are_never_muted_and_no_bounce_bounces():
    """Alerts and heartbeats pass every loop guard, and a failed receipt starts no chain of receipts."""
    assert {"alert", "heartbeat"} == NEVER_MUTED
    assert {"receipt"} | NEVER_MUTED == NEVER_BOUNCED
    assert set(KINDS) >= NEVER_BOUNCED
