"""The drives that the suite runs on: real servers with two real clients each, brought up by the lab's scripts."""

import os
import shlex
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from tests.labs.machine import Machine

UP_S = 300


@dataclass(frozen=True)
class Kind:
    """A kind of drive.

    Args:
        name: the lab's name for it; `local` is a folder on this machine.
        messages: how many make a race: guests are slow.
        restarts: whether its server comes back dependably.
        options: variables for the lab's scripts.
        row: its row in the table, if that is not its name.
    """

    name: str
    messages: int
    restarts: bool = True
    options: dict[str, str] = field(default_factory=dict)
    row: str = ""

    def __str__(self):
        return self.row or self.name


KINDS = (
    Kind("local", 2000, restarts=False),
    Kind("sshfs", 2000),
    Kind("smbnetfs", 2000),
    Kind("cifs", 200),
    Kind("nfs", 200),
)


class Drive:
    """A drive that is up, with its two machines."""

    def __init__(self, kind, state):
        self.kind = kind
        self.state = Path(state)
        self._shares, self._reach = [str(state / "share")] * 2, [(), ()]
        if kind.name == "local":
            (state / "share").mkdir()
        else:
            self._come_up()

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

    def machines(self, homes):
        """Return the two machines with a new folder on the drive, in which no bus is yet."""
        name = uuid.uuid4().hex[:8]
        make = f"import os; os.mkdir({f'{self._shares[0]}/{name}'!r})"
        self._run(
            [sys.executable, "-c", make]
            if not self._reach[0]
            else [*self._reach[0], shlex.join(["mkdir", f"{self._shares[0]}/{name}"])]
        )
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
        assert code == 0, out.read_text()
        return out.read_text()
