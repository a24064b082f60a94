"""The drives that the suite runs on: real servers with two real clients each, brought up by the lab's scripts."""

import os
import signal
import subprocess
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.labs.machine import Machine

UP_S = 300


class ScriptError(Exception):
    """A script of the lab failed; what it said."""


@dataclass(frozen=True)
class Kind:
    """A kind of drive.

    Args:
        name: the lab's name for it; `local` is a folder on this machine.
        messages: how many make a race: guests are slow.
        outages: how its server may go away under the mounts, so that they live on when it is back.
        guests: its machines are guests, which do not boot everywhere.
        options: variables for the lab's scripts.
        row: its row in the table, if that is not its name.
    """

    name: str
    messages: int
    outages: tuple[str, ...] = ("stop", "kill")
    guests: bool = False
    options: dict[str, str] = field(default_factory=dict)
    row: str = ""

    def __str__(self):
        return self.row or self.name


KINDS = (
    Kind("local", 2000, outages=()),
    Kind("sshfs", 2000),
    Kind("smbnetfs", 1000),
    Kind("cifs", 100, outages=("kill",), guests=True),
    Kind("nfs", 100, outages=(), guests=True),
)


SERVERS = {"sshfs": "sshd", "smbnetfs": "smbd", "cifs": "smbd"}


class Drive:
    """A drive that is up, with its two machines."""

    def __init__(self, kind, state):
        self.kind = kind
        self.state = Path(state)
        self._shares, self._reach = [str(state / "share")] * 2, [(), ()]
        if kind.name == "local":
            (state / "share").mkdir()
            return
        try:
            self._come_up()
        except BaseException:
            self.down()
            raise

    def _come_up(self):
        said = self._script(f"{self.kind.name}_up.sh")
        shares = dict(line.split("=", 1) for line in said.splitlines() if line[:2] in ("a=", "b="))
        for n, name in enumerate("ab"):
            if shares[name].startswith("on "):  # a guest: `on a:/mnt/share`
                self._reach[n] = (str(self.state / "on"), name)
            self._shares[n] = shares[name].split(":")[-1]

    def down(self):
        """Take the drive down."""
        if self.kind.name != "local":
            self._script(f"{self.kind.name}_down.sh")

    def server(self, verb):
        """Do `stop`, `kill` or `start` with the file server, under the living mounts."""
        self._run([self.state / "server.sh", verb])

    @contextmanager
    def hanging(self):
        """Let the file server stand still: it keeps its connections and answers nothing."""
        servers = _with_children(int((self.state / "pids" / SERVERS[self.kind.name]).read_text()))
        try:
            for each in servers:
                os.kill(each, signal.SIGSTOP)
            yield
        finally:
            for each in servers:
                os.kill(each, signal.SIGCONT)

    def machines(self, homes):
        """Return the two machines with the name of a new bus on the drive, which is not there yet."""
        name = uuid.uuid4().hex[:8]
        return [
            Machine(f"{share}/{name}", homes / machine, reach)
            for machine, share, reach in zip("ab", self._shares, self._reach, strict=True)
        ]

    def _script(self, name):
        lab = os.environ.get("SOMABUS_LAB")
        assert lab, "SOMABUS_LAB must name the folder of the lab's scripts"
        return self._run(["bash", Path(lab) / name, self.state])

    def _run(self, command):
        """Run a command, and return what it said; what it leaves running holds none of our pipes."""
        out = self.state / "said"
        with open(out, "w+") as said:
            code = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, timeout=UP_S,
                env={**os.environ, **self.kind.options}, check=False,
            ).returncode  # fmt: skip
        if code != 0:
            raise ScriptError(out.read_text())
        return out.read_text()


def _with_children(process):
    """A process and all below it."""
    told = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [process, *(each for child in told.split() for each in _with_children(int(child)))]
