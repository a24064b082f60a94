"""The machines of the year fire when real ones would: by the wall clock of their zone, as their own clock has it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from somabus.model.schedule import Schedule
from tests.year.machines import Machine, MachineClock

HOUR = timedelta(hours=1)
NONE = timedelta(0)


@pytest.mark.parametrize(
    ("zone", "day", "gap"),
    [
        ("Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC), 5),
        ("Europe/Berlin", datetime(2026, 10, 24, tzinfo=UTC), 7),
        ("America/New_York", datetime(2026, 3, 7, tzinfo=UTC), 5),
        ("America/New_York", datetime(2026, 10, 31, tzinfo=UTC), 7),
        ("UTC", datetime(2026, 3, 28, tzinfo=UTC), 6),
    ],
)
def test_a_change_of_summer_time_makes_one_gap_shorter_or_longer(zone, day, gap):
    """Around a change of summer time a machine of that zone fires once after five or seven hours, else after six."""
    fires = list(Machine("m", zone).fires(day, 3, NONE))

    gaps = [after - before for before, after in pairwise(fires)]
    assert max(gaps, key=lambda each: abs(each - 6 * HOUR)) == gap * HOUR
    assert gaps.count(6 * HOUR) == len(gaps) - (gap != 6)


@pytest.mark.parametrize(
    ("zone", "missed"),
    [
        ("Europe/Berlin", 0),
        ("Europe/London", 1),
        *(pytest.param(each, 0, marks=pytest.mark.slow) for each in ("America/New_York", "UTC")),
    ],
)
def test_changes_of_summer_time_miss_no_beat_that_the_grid_does_not_miss(zone, missed):
    """Over a year of local firings the schedule misses nothing; only where an hour makes another slot of the grid, the one that went by."""
    schedule, fires = (
        Schedule.parse("0 */6 * * *"),
        Machine("m", zone).fires(datetime(2026, 1, 1, tzinfo=UTC), 365, NONE),
    )

    found = [schedule.missed(schedule.due(before), after) for before, after in pairwise(fires)]

    assert sum(found) == missed
    assert len(found) >= 4 * 365 - 2


def test_a_clock_that_is_ahead_fires_early():
    """A machine whose clock is ten minutes ahead fires ten minutes before the slot, by the drive's clock."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    machine = Machine("m", "UTC", ((start, timedelta(minutes=10)),))

    first = next(machine.fires(start, 2, NONE))

    assert first == start + 6 * HOUR - timedelta(minutes=10)


def test_a_clock_that_is_set_forward_skips_and_one_set_back_repeats():
    """A firing that the clock was set past does not come; one that it was set back behind comes again."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    errors = ((start + 5 * HOUR, 2 * HOUR), (start + 11 * HOUR, -2 * HOUR))

    fires = [(at - start) // HOUR for at in Machine("m", "UTC", errors).fires(start, 1, NONE)]

    assert fires == [0, 10, 14, 20]


def test_the_clock_of_a_machine_is_off_by_its_error():
    """What a machine takes for the time is the drive's time and its error of that moment."""

    class Drive:
        def now(self):
            return datetime(2026, 1, 2, tzinfo=UTC)

    machine = Machine("m", "UTC", ((datetime(2026, 1, 1, tzinfo=UTC), HOUR),))
    assert MachineClock(Drive(), machine).now() == datetime(2026, 1, 2, 1, tzinfo=UTC)
