"""A kind that has a shape is checked for it; any other kind is carried and not judged."""

import pytest

from somabus.errors import MalformedMessageError
from somabus.model.kinds import KINDS, NEVER_BOUNCED, NEVER_MUTED, check_kind
from somabus.model.names import is_name
from tests.model.examples import ID

INSIGHT = {"topic": "smb", "statement": "renames to one name have two winners", "confidence": 0.8}
ALERT = {"component": "drive", "severity": "warning", "detail": "nearly full"}
MENTION = {"channel": "arc:wiki", "number": 17, "kind": "note"}
SIGN = {"doing": "reading the archive", "every_s": 3600}
SHAPED = ("insight", "alert", "answer", "brief", "closeout", "scratchpad", "pair", "mention")


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
        ("scratchpad", {}, {}, "arc:wiki"),
        ("pair", {"partner": "worker"}, {}, "general"),
        ("pair", {"partner": None}, {}, "arc:wiki"),
        ("mention", MENTION, {}, None),
        ("heartbeat", {}, {}, None),
        ("heartbeat", SIGN, {}, "general"),
        ("heartbeat", {**SIGN, "doing": "", "every_s": 31 * 86_400}, {}, "general"),
        ("weather", {"any": "thing"}, {"any": None}, "general"),
        *[(kind, {}, {}, None) for kind in KINDS if kind not in SHAPED],
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
        ("pair", {}, "partner"),
        ("pair", {"partner": "x" * 65}, "partner"),
        ("pair", {"partner": 7}, "partner"),
        ("pair", {"partner": "The Worker"}, "partner"),
        ("pair", {"partner": ""}, "partner"),
        *[("mention", {k: v for k, v in MENTION.items() if k != gone}, gone) for gone in MENTION],
        ("mention", {**MENTION, "channel": ""}, "channel"),
        ("mention", {**MENTION, "number": 0}, "number"),
        ("mention", {**MENTION, "number": "17"}, "number"),
    ],
)
def test_what_lacks_its_shape_is_refused_with_the_members_name(kind, data, named):
    """The refusal names kind and member, so that the sender can mend it."""
    with pytest.raises(MalformedMessageError, match=rf"data\.{named} of a message of kind {kind}"):
        check_kind(kind, data, {}, None)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        *[({k: v for k, v in SIGN.items() if k != gone}, gone) for gone in SIGN],
        ({**SIGN, "doing": "x" * 501}, "doing"),
        ({**SIGN, "every_s": 0}, "every_s"),
        ({**SIGN, "every_s": 31 * 86_400 + 1}, "every_s"),
        ({**SIGN, "every_s": float("inf")}, "every_s"),
        ({**SIGN, "every_s": "3600"}, "every_s"),
    ],
)
def test_a_posted_heartbeat_says_what_it_does_and_when_it_beats_again(data, named):
    """A heartbeat in a channel says what its sender is doing and how often it beats, in seconds, at most 31 days; as mail it may say anything."""
    with pytest.raises(MalformedMessageError, match=rf"data\.{named} of a message of kind heartbeat"):
        check_kind("heartbeat", data, {}, "general")

    assert check_kind("heartbeat", data, {}, None) is None


@pytest.mark.parametrize("refs", [{}, {"reply_to": None}, {"reply_to": ""}])
def test_an_answer_says_what_it_answers(refs):
    """An answer without its question is refused."""
    with pytest.raises(MalformedMessageError, match="reply_to"):
        check_kind("answer", {}, refs, None)


@pytest.mark.parametrize("kind", ["brief", "closeout", "scratchpad"])
@pytest.mark.parametrize("channel", [None, "", "general", "arcs:x"])
def test_what_is_of_an_arc_belongs_to_an_arc(kind, channel):
    """A brief, a closeout and a scratchpad are refused outside a channel of the form arc:<name>."""
    with pytest.raises(MalformedMessageError, match="arc"):
        check_kind(kind, {}, {}, channel)


def test_the_known_kinds_are_names_and_stand_once():
    """Every kind known by name is one that a message may carry."""
    assert all(is_name(kind) for kind in KINDS)
    assert len(set(KINDS)) == len(KINDS)


def test_alarms_are_never_muted_and_no_bounce_bounces():
    """Alerts and heartbeats pass every loop guard, and neither a failed receipt nor the failed copy of a post starts a chain of receipts."""
    assert {"alert", "heartbeat"} == NEVER_MUTED
    assert {"receipt", "mention"} | NEVER_MUTED == NEVER_BOUNCED
    assert set(KINDS) >= NEVER_BOUNCED
