"""P11. Missed are the slots of the cadence that the last heartbeat was written under; a change of cadence invents none."""

from datetime import UTC, datetime, timedelta

import pytest

from somabus.model.heartbeat import Beat, Heartbeat
from somabus.model.schedule import Schedule
from tests.model.examples import ID

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday
LAST = NOON + timedelta(seconds=30)


def heartbeat(cadence):
    """What a beat at noon wrote under a cadence."""
    schedule = Schedule.parse(cadence)
    beat = Beat(number=1, due_at=schedule.due(LAST), started_at=LAST)
    facts = {"every_s": schedule.every_s, "next_due_at": schedule.next(LAST)}
    return Heartbeat(bus=ID, agent="scout", written_at=LAST, beat=beat, **facts)


@pytest.mark.parametrize(
    ("before", "now", "hours", "missed"),
    [
        ("6h", "6h", 7, 0),
        ("6h", "6h", 25, 3),
        ("6h", "1m", 3.7, 0),  # the slot of the old cadence is still ahead
        ("6h", "1m", 6.01, 0),  # and now it is served
        ("6h", "1m", 25, 3),
        ("6h", "1h", 6.5, 0),
        ("6h", "0 */6 * * *", 25, 3),
        ("6h", "30 */6 * * *", 6.7, 0),  # the same spacing on another grid
        ("6h", "30 */6 * * *", 30.7, 4),
        ("1m", "6h", 3, 0),  # noon was served
        ("1m", "1h", 1.5, 59),
        ("1h", "1d", 2, 0),
        ("0 12 * * *", "0 12 * * 1-5", 24.5, 0),  # the same next slot, another spacing
        ("0 12 * * 1-5", "0 12 * * 1-5", 24 * 8, 5),
        ("6h", "6h", -3, 0),
    ],
)
def test_missed_by_the_cadence_that_was(before, now, hours, missed):
    """Whatever cadence comes after it, a heartbeat owes the slots that its own cadence had until the one due now."""
    assert heartbeat(before).missed(Schedule.parse(now), NOON + timedelta(hours=hours)) == missed
