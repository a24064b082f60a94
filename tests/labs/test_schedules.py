"""P11 with a real cron daemon and a real systemd of a user: installed, listed, fired, removed.

Both run in mount namespaces of their own: the crontabs, the system's own jobs and /run of this machine stay out of
reach. systemd also gets a control group of its own. Needs root, and the Debian packages cron and systemd.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import pytest

pytestmark = pytest.mark.lab
CRON = """
mount --bind "$1" /var/spool/cron/crontabs
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /etc/cron.d
mount --bind /dev/null /etc/crontab
exec cron -f
"""
SYSTEMD = """
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/user/0
exec /lib/systemd/systemd --user
"""
FIRES_WITHIN_S = 130
THEIRS = b"# mine\n\n5 4 * * *\t/bin/true 100\\%\n"


class Place:
    """A namespace with a scheduler in it, and a bus that scout has joined."""

    def __init__(self, script, tmp_path, *namespaces, argument="", cgroup=None):
        self.folder = tmp_path
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SOMABUS_")},
            "SOMABUS_HOME": str(tmp_path / "a home"), "SOMABUS_BUS": str(tmp_path / "bus 100%"), "SOMABUS_AGENT": "scout",
            "HOME": str(tmp_path), "XDG_RUNTIME_DIR": "/run/user/0", "XDG_CONFIG_HOME": str(tmp_path / "config"),
        }  # fmt: skip
        enter = ["unshare", "--mount", *namespaces, "--propagation", "private", "sh", "-ec", script, "sh", argument]
        # The child enters its control group itself, before it leaves this machine's view of them.
        join = ["sh", "-c", f'echo $$ > "{cgroup}/cgroup.procs" && exec "$@"', "sh"] if cgroup else []
        self.daemon = subprocess.Popen([*join, *enter], env=self.environment, stderr=subprocess.DEVNULL)
        self.spaces = ["--mount", *namespaces]

    def run(self, *order, given=None):
        """Run a command where the scheduler runs."""
        inside = ["nsenter", "-t", str(self.daemon.pid), *self.spaces, f"--wd={self.folder}", *order]
        return subprocess.run(inside, input=given, capture_output=True, env=self.environment, timeout=60)

    def somabus(self, *order):
        """Run a command of somabus there, and return the JSON it answers."""
        done = self.run(sys.executable, "-m", "somabus", *order, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def close(self):
        """End the scheduler; its mounts go with it."""
        self.daemon.terminate()
        self.daemon.wait(30)


def until(look, what, deadline_s=FIRES_WITHIN_S):
    """Wait for what a daemon does, with a deadline."""
    deadline, pause = time.monotonic() + deadline_s, Event()
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {deadline_s} s: {what}"
        pause.wait(0.2)
    return found


@pytest.fixture
def cron(tmp_path):
    """A real cron daemon with nobody's crontab but ours."""
    assert shutil.which("cron"), "the package cron is needed: apt-get install cron"
    spool = tmp_path / "spool"
    spool.mkdir()
    shutil.chown(spool, "root", "crontab")
    spool.chmod(0o1730)
    place = Place(CRON, tmp_path, argument=str(spool))
    until(lambda: place.run("test", "-e", "/run/crond.pid").returncode == 0, "cron", 60)
    place.spool = spool
    yield place
    place.close()


@pytest.fixture
def systemd(tmp_path):
    """A real systemd of a user, who has no units but ours."""
    assert Path("/lib/systemd/systemd").exists(), "the package systemd is needed: apt-get install systemd"
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    base = next((Path(each[1]) for each in mounts if each[2] == "cgroup2"), None)
    if base is None:
        pytest.skip("systemd needs control groups of version 2, and none are mounted")
    cgroup = base / f"somabus-{os.getpid()}"
    try:
        cgroup.mkdir()
    except OSError as error:
        pytest.skip(f"systemd needs a control group of its own, and gets none here: {error}")
    place = Place(SYSTEMD, tmp_path, "--cgroup", cgroup=cgroup)
    until(lambda: place.run("systemctl", "--user", "is-system-running").stdout == b"running\n", "systemd", 90)
    yield place
    place.close()
    for each in sorted(cgroup.rglob("*/"), reverse=True):
        each.rmdir()
    cgroup.rmdir()


def beats(place):
    """Return the number of the last beat, and what the record says of the last firing."""
    shown = place.somabus("schedule", "show")
    return place.somabus("status")["beat"], shown["firing"], shown["standing"]


def told(place, name, seconds, beat, capsys):
    """Print what was seen, and hold it against the four facts."""
    _, firing, says = beats(place)
    with capsys.disabled():
        print(
            f"\n{name}: fired {seconds:.0f} s after it was installed, beat {beat['number']} {beat['outcome']}; {says['fact']}"
        )
    assert beat["outcome"] == "ok"
    assert firing["exit_code"] in (0, None)
    assert says["missing"] == ""


def test_a_real_cron_daemon_fires(cron, capsys):
    """Installed with the real crontab, fired by the real daemon every minute, listed, removed; the rest is as it was."""
    cron.somabus("init")
    cron.somabus("join")
    cron.run("crontab", "-", given=THEIRS)
    began = time.monotonic()
    for _ in range(2):
        cron.somabus("schedule", "install", "--cron", "* * * * *", "--with", "cron")
    listed = cron.run("crontab", "-l").stdout
    assert listed.startswith(THEIRS)
    assert listed.count(b"--scheduled") == 1

    beat = until(lambda: cron.somabus("status")["beat"], "a beat")
    told(cron, "cron", time.monotonic() - began, beat, capsys)

    assert cron.somabus("schedule", "remove")["removed"]
    assert cron.run("crontab", "-l").stdout == THEIRS


def test_a_real_systemd_timer_fires(systemd, capsys):
    """Installed in the real manager, listed by it with its next firing, fired by its timer, started by hand, removed."""
    systemd.somabus("init")
    systemd.somabus("join")
    began = time.monotonic()
    for _ in range(2):
        systemd.somabus("schedule", "install", "--cron", "* * * * *", "--with", "systemd")
    (unit,) = (systemd.folder / "config" / "systemd" / "user").glob("*.timer")
    assert unit.name.encode() in systemd.run("systemctl", "--user", "list-timers", unit.name).stdout

    beat = until(lambda: systemd.somabus("status")["beat"], "a beat")
    told(systemd, "systemd", time.monotonic() - began, beat, capsys)
    assert systemd.somabus("schedule", "run-now")["firing"]

    assert systemd.somabus("schedule", "remove")["removed"]
    assert unit.name.encode() not in systemd.run("systemctl", "--user", "list-timers", "--all").stdout
    assert list(unit.parent.rglob("*.*")) == [] or all(each.is_dir() for each in unit.parent.rglob("*"))
