"""P11. cron: one line, found by its end; the rest of the crontab is the user's, byte for byte."""

import re
import shlex
import subprocess
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.errors import ConfigurationError, SchedulerError
from somabus.scheduler.cron import Cron
from somabus.scheduler.tool import Done
from tests.model.examples import quick
from tests.scheduler.plans import HARD, JOB, NOW, plan

MINE = b"MAILTO=me\n# somabus-scout-3e80730a is mine to comment on\n\n5 4 * * *\t/bin/true 100\\%  # somabus-scout-3e80730ab\n"


class Table:
    """A crontab as the real tool keeps it: none at first."""

    def __init__(self, lines=None):
        self.lines = lines
        self.writes = 0

    def __call__(self, order, given=b""):
        if order[1] == "-l":
            return Done(1, err="no crontab for me") if self.lines is None else Done(0, self.lines)
        self.writes += 1
        self.lines = given if order[1] == "-" else None
        return Done(0)


def cron(table, zone="UTC"):
    """Cron on a machine in a zone."""
    return Cron(table, lambda at: at.astimezone(ZoneInfo(zone)))


def test_installing_twice_is_one_entry():
    """The second time replaces the first, where it stands; everything else is as it was."""
    table = Table(MINE)
    cron(table).install(plan(), NOW)
    table.lines += b"7 7 * * * below\n"

    cron(table).install(plan("1d"), NOW)

    assert table.lines.startswith(MINE + b"0 0 * * * ")
    assert table.lines.endswith(b"\n7 7 * * * below\n")
    assert table.lines.count(b"--scheduled") == 1


def test_installing_the_same_again_writes_nothing():
    """What is up to date is not written again."""
    table = Table(MINE)
    for _ in range(2):
        cron(table).install(plan(), NOW)

    assert table.writes == 1


lines = st.lists(st.binary(max_size=20).filter(lambda each: b"\n" not in each and b"\r" not in each)).map(
    lambda each: b"".join(line + b"\n" for line in each)
)


@quick
@given(lines)
def test_removing_leaves_the_rest_byte_for_byte(before):
    """Whatever the user keeps in his crontab, in whatever encoding: installed and removed again, it is the same."""
    table = Table(before)
    cron(table).install(plan(), NOW)

    assert cron(table).remove(JOB)
    assert (table.lines or b"") == before


def test_two_who_install_at_once_lose_no_line():
    """If another one writes back the crontab that it had read before, the line is written again."""

    class Contended(Table):
        def __call__(self, order, given=b""):
            done = super().__call__(order, given)
            if order[1] == "-" and self.writes == 1:
                self.lines = MINE  # the other one, who knew nothing of it
            return done

    table = Contended(MINE)
    cron(table).install(plan(), NOW)

    assert table.lines.startswith(MINE)
    assert cron(table).find(JOB)


def test_a_crontab_that_was_only_ours_is_gone():
    """Who had no crontab has none afterwards; removing once more says that there was nothing."""
    table = Table()
    cron(table).install(plan(), NOW)

    assert cron(table).find(JOB).endswith(f"# {JOB}")
    assert cron(table).remove(JOB)
    assert table.lines is None
    assert not cron(table).remove(JOB)


@pytest.mark.parametrize(
    ("every", "zone", "when"),
    [
        ("6h", "UTC", "0 */6 * * *"),
        ("6h", "Europe/Berlin", "0 1,2,7,8,13,14,19,20 * * *"),
        ("1h", "Asia/Kolkata", "30 * * * *"),
        ("10m", "UTC", "*/10 * * * *"),
        ("7m", "UTC", "* * * * *"),
        ("5h", "UTC", "0 * * * *"),
        ("* * * * *", "UTC", "* * * * *"),
        ("0 9 * * 1-5 Europe/Berlin", "Europe/Berlin", "0 9 * * *"),
        ("0 9 * * 1-5 Europe/Berlin", "UTC", "0 7,8 * * *"),
        ("0 0,12 * * *", "UTC", "0 0,12 * * *"),
    ],
)
def test_the_line_fires_by_the_machines_own_clock(every, zone, when):
    """Cron knows the machine's wall clock alone: the line has the times of both of its seasons."""
    line = cron(Table(), zone).render(plan(every), NOW)

    assert line.startswith(f"{when} /venv/bin/python -m somabus ")


def test_what_cron_and_sh_make_of_the_line_is_the_command():
    """Percent signs, quotes, dollars and blanks in paths arrive as they are: the real sh says so."""
    hard = plan(**HARD)
    command = cron(Table()).render(hard, NOW).rstrip("\n").split(maxsplit=5)[5]
    assert re.search(r"(?<!\\)%", command) is None

    handed = command.replace(r"\%", "%").replace(shlex.quote(hard.python), "printf '%s\\n'", 1)
    said = subprocess.run(["sh", "-c", handed], capture_output=True, text=True, check=True).stdout

    assert said.splitlines() == list(hard.command[1:])


def test_a_line_that_cron_would_cut_is_refused():
    """Cron takes no more than a thousand bytes for a command; a longer one is not installed."""
    with pytest.raises(ConfigurationError, match="998"):
        cron(Table()).render(plan(bus="/" + "x" * 1000), NOW)


def test_a_crontab_that_cannot_be_read_is_not_written():
    """If `crontab -l` fails for any other reason than that there is none, nothing is written over what may be there."""
    orders = []

    def refusing(order, given=b""):
        orders.append(order)
        return Done(1, err="you (me) are not allowed to use this program")

    with pytest.raises(SchedulerError, match="not allowed"):
        cron(refusing).install(plan(), NOW)
    assert orders == [["crontab", "-l"]]


def test_always_is_what_cron_does_anyway():
    """Who asks cron for --always learns that it makes no difference; the line is the same."""
    assert "--always changes nothing" in cron(Table()).note(plan(always=True))
    assert "--always" not in cron(Table()).note(plan())
    assert cron(Table()).render(plan(always=True), NOW) == cron(Table()).render(plan(), NOW)


@pytest.mark.parametrize(("code", "told"), [(0, False), (1, True), (2, False), (None, False)])
def test_a_cron_that_does_not_run_is_told(code, told):
    """An entry that no daemon reads is told at once; where it cannot be seen, nothing is claimed."""

    def pgrep(order, given=b""):
        if code is None:
            raise SchedulerError("pgrep", "is not installed here")
        return Done(code)

    assert ("no cron seems to run" in Cron(pgrep).note(plan())) is told
