"""A hook never breaks the host's session: whatever is wrong, it is silent, ends with 0, and leaves a line in the log."""

import os
import shlex
import sys

import pytest

from somabus.hooks.hosts import Moment
from somabus.model.text import line
from tests.coding.host import silent


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        pytest.param("", 1, marks=pytest.mark.slow),
        ("gar\x1b[31mbage", 1),
        pytest.param("[]", 1, marks=pytest.mark.slow),
        pytest.param('{"hook_event_name":"PostToolUse"}', 1, marks=pytest.mark.slow),
        ('{"hook_event_name":"X"}', 0),
    ],
)
def test_an_event_that_is_none_breaks_nothing(claude, event, lines):
    """Whatever comes on standard input: silence, exit 0, and a line in the log; an event of another name is none of ours."""
    assert silent(claude.raw(claude.order(Moment.TOOL), event))

    log = claude.log.read_text(encoding="utf-8")
    assert (len(log.splitlines()), "\x1b" in log) == (lines, False)


@pytest.mark.skipif(os.name == "nt", reason="shell and devices of POSIX")
def test_even_without_input_home_or_log_it_is_silent(claude):
    """Standard input that is closed, a home that is a file, a log on a full disk: silence and exit 0."""
    order = claude.order(Moment.TOOL)
    assert silent(claude.raw(f"{order} <&-", ""))

    no_home = claude.team.folder / "no-home"
    no_home.write_text("")
    assert silent(claude.call("tool", order=order.replace(claude.arguments[5], str(no_home))))

    claude.log.unlink()
    claude.log.symlink_to("/dev/full")
    assert silent(claude.raw(order, "garbage"))


def faults(claude):
    """Return the kind of each fault in the log."""
    lines = claude.log.read_text(encoding="utf-8").splitlines()
    return [line(each.split(" ", 2)[2], 200).split(":")[0] for each in lines]


def test_without_a_bus_the_host_is_left_in_peace(claude):
    """No bus, or an agent that never joined: silent, exit 0, and one line in the log each."""
    order = claude.order(Moment.TOOL)
    for old, new in (("--agent worker", "--agent nobody"), (str(claude.team.folder / "bus"), "/nowhere")):
        assert silent(claude.call("tool", order=order.replace(old, new)))

    assert faults(claude) == ["NotJoinedError", "NotABusError"]


@pytest.mark.slow
def test_without_settings_or_key_the_host_is_left_in_peace(claude):
    """Settings that are no TOML, a key that others can read, a damaged one, none: silent, exit 0, and one line in the log each."""
    (claude.team.folder / "somabus.toml").write_text("bus = [")
    assert silent(claude.call("tool", session="no TOML"))
    (claude.team.folder / "somabus.toml").unlink()
    (key,) = (claude.team.folder / "home").glob("buses/*/worker/key")
    key.chmod(0o644)
    assert silent(claude.call("tool", session="open key"))
    key.write_text("garbage")
    key.chmod(0o600)
    assert silent(claude.call("tool", session="damaged key"))
    key.unlink()
    assert silent(claude.call("tool", session="no key"))

    unsafe = ["UnsafeKeyError"] if os.name == "posix" else []
    assert faults(claude) == ["ConfigurationError", *unsafe, "ConfigurationError", "NotJoinedError"]


@pytest.mark.slow
def test_a_vanished_drive_is_not_waited_for_at_every_call(claude):
    """While the drive is gone, hooks are silent, end with 0, log a line, and look for it now and then, not at every use of a tool; once it is back, the next call tells."""
    claude.team.agent("coordinator").send("worker", "x")
    bus, away = claude.team.folder / "bus", claude.team.folder / "away"
    bus.rename(away)
    for moment in ("tool", "tool", "stop", "tool"):
        assert silent(claude.call(moment))
    (said,) = claude.log.read_text(encoding="utf-8").splitlines()
    assert "StoreUnavailableError: could not look" in said
    away.rename(bus)

    assert not silent(claude.call("tool"))


@pytest.mark.parametrize("words", [["nosuch-host"], ["claude-code", "--nosuch"]])
def test_a_wrong_command_line_is_no_word_to_the_model(claude, words):
    """A hook that an older or newer version has installed is silent and ends with 0: exit 2 would block or wake a session, again and again. The log has the command line."""
    order = shlex.join([sys.executable, "-m", "somabus", "hook", *words, *claude.arguments])

    assert silent(claude.call("stop", order=order))

    assert " ".join(words) in claude.log.read_text(encoding="utf-8")
