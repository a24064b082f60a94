"""P11. What is scheduled: one job for each agent and bus, a command line that needs nothing else, a turn of its own."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.errors import ConfigurationError
from somabus.model.schedule import Schedule
from somabus.scheduler.pick import choose
from somabus.scheduler.plan import job_name, slot_at, stagger
from tests.model.examples import quick
from tests.scheduler.plans import BUS_ID, JOB, plan

OTHER_BUS = BUS_ID[:-8] + "11111111"


def test_the_command_line_says_all_that_matters():
    """Interpreter, bus, agent, home, script and log stand in the command: a scheduler's environment is another one."""
    command = plan(script="/x/agent.py", durability="file").command

    assert command[:3] == ("/venv/bin/python", "-m", "somabus")
    assert {"/mnt/net", "scout", "/home/me/soma", "/x/agent.py", "file", "/home/me/soma/logs/scout.log"} < set(command)
    assert "--scheduled" in command
    assert command[command.index("--job") + 1] == JOB


def test_one_job_for_each_agent_and_bus():
    """Two agents, or one agent of two buses, are two entries; the same agent is always the same."""
    assert plan().job == JOB
    assert len({job_name("scout", BUS_ID), job_name("planner", BUS_ID), job_name("scout", OTHER_BUS)}) == 3


@pytest.mark.parametrize("changed", [{"bus": "/mnt/a\nb"}, {"script": "/x\r.py"}, {"home": "/\x00"}])
def test_a_path_that_breaks_out_of_its_line_is_refused(changed):
    """A line end in a path would be a second line in a crontab or a unit: it is refused."""
    with pytest.raises(ConfigurationError, match="control character"):
        plan(**changed)


def test_more_often_than_a_minute_is_refused():
    """No scheduler starts every ten seconds; the error names what does."""
    with pytest.raises(ConfigurationError, match="somabus run"):
        plan("10s")


@quick
@given(st.text("abcdefgh", min_size=1, max_size=8), st.sampled_from(["1m", "10m", "1h", "6h", "1w"]))
def test_the_turn_of_an_agent_is_its_own_and_early(name, every):
    """An agent's turn is always the same, within a tenth of its cadence, and within ten minutes."""
    gap = Schedule.parse(every).span

    turn = stagger(name, BUS_ID, gap)

    assert turn == stagger(name, BUS_ID, gap)
    assert timedelta(0) <= turn < min(timedelta(minutes=10), gap / 10)


def test_a_fleet_does_not_begin_in_one_second():
    """Of a hundred agents with one cadence no more than a few share a second."""
    turns = [stagger(f"agent-{n}", BUS_ID, timedelta(hours=6)) for n in range(100)]

    assert len(set(turns)) > 80
    assert max(turns) - min(turns) > timedelta(minutes=8)


@pytest.mark.parametrize(
    ("minutes", "slot"),
    [(0, 12), (1, 12), (300, 12), (351, 18), (359.9, 18), (360, 18)],
)
def test_a_machine_that_is_ahead_waits_for_the_slot(minutes, slot):
    """A firing shortly before a slot by the drive's clock is for that slot; at any other time it is for the one due."""
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)

    assert slot_at(Schedule.parse("6h"), noon + timedelta(minutes=minutes))[0] == noon.replace(hour=slot)


@pytest.mark.parametrize(
    ("platform", "tools", "lingers", "name"),
    [
        ("win32", (), False, "windows"),
        ("darwin", ("crontab",), False, "launchd"),
        ("linux", ("crontab",), False, "cron"),
        ("linux", ("crontab", "systemctl"), False, "cron"),
        ("linux", ("crontab", "systemctl"), True, "systemd"),
        ("linux", ("systemctl",), False, "systemd"),
        ("linux", (), False, "cron"),
        ("freebsd14", ("crontab",), False, "cron"),
    ],
)
def test_the_scheduler_that_stays_is_chosen(platform, tools, lingers, name):
    """A user's systemd that ends with the login comes after cron, which does not."""
    assert choose(platform, has=tools.__contains__, lingers=lingers) == name
