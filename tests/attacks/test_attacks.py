"""The attack suite: what a writer to the drive, or an agent with a key of its own, can try, and what comes of it.

Each attack is played once, on a copy of a real bus; each promise is a test of its own.
"""

import pytest

from tests.attacks.attack import BESIDE, DASH, DEAD, ONCE, PROMISES, YES
from tests.attacks.scene import matches
from tests.attacks.table import ATTACKS, markdown, written


def _refused(attack, played):
    assert played.scene.done == []


def _named(attack, played):
    told = [each.detail for name in attack.met_by for each in played.refusals(attack, name)]
    for said in played.said:
        assert matches(attack.fact, said) or told, f"nobody names it: {said!r}"


def _kept(attack, played):
    scene, kept = played.scene, set(played.scene.kept().values())
    if attack.kept == DEAD:
        assert scene.planted
        assert set(scene.planted) <= set(scene.dead)
    if attack.kept == BESIDE:
        assert scene.planted
        assert set(scene.planted) <= kept
        noted = {key for key in played.evidence(attack) if key}
        assert noted, "the audit does not say where the evidence is"
        assert all((scene.root / key).is_file() for key in noted)
    if attack.kept.startswith(DASH):
        assert not any(played.evidence(attack)), "more is kept than the table says"


def _audited(attack, played):
    if attack.audited == YES:
        assert {name: len(played.refusals(attack, name)) for name in attack.met_by} == dict.fromkeys(attack.met_by, 1)
        assert [each.fault for each in played.audit if each.fault] == []
    else:
        assert [each.entry for each in played.audit if each.entry is not None and each.entry.act == "refused"] == []


def _alerted(attack, played):
    fresh = [each for each in played.alerts if matches(attack.fact, each[2])]
    if attack.alerted == ONCE:
        here = [each for each in fresh if matches(f"^(?:{attack.where})$", each[0])]
        elsewhere = [each for each in fresh if each not in here and not matches(f"^(?:{attack.besides})$", each[0])]
        assert len(here) == 1, played.alerts
        assert elsewhere == [], "one attack is alerted as two"
        assert len(set(played.alerts)) == len(played.alerts), "one episode is alerted twice"
    else:
        assert fresh == []


_CHECKS = dict(zip(PROMISES, (_refused, _named, _kept, _audited, _alerted), strict=True))


def _every():
    for attack in ATTACKS:
        for promise in PROMISES:
            reason = attack.lacks.get(promise)
            marks = [pytest.mark.xfail(strict=True, raises=AssertionError, reason=f"BUG: {reason}")] if reason else []
            yield pytest.param(attack, promise, marks=marks, id=f"{attack.name}: {promise}")


@pytest.mark.parametrize(("attack", "promise"), list(_every()))
def test_every_attack_is_refused(attack, promise, played):
    """An attack gets nothing done; the fact is named; what was planted is kept; it stands in the audit of each agent that met it; all are alerted once, however often and by however many it is met."""
    if isinstance(played, Exception):
        raise played
    _CHECKS[promise](attack, played)


def test_the_table_is_the_documented_one():
    """The table in the documentation says what this suite has shown; it is written by `python -m tests.attacks.table`."""
    assert written() == markdown()
