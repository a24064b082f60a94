"""A fleet of `somabus run` processes under a supervisor that starts again what ends, and watches their memory."""

import os
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

FORWARDER = Path(__file__).with_name("forwarder.py")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SETTLED = 8
"""A life of fewer samples says nothing about memory."""


class Fleet:
    """The processes of the agents, by name; `folder` is a place on this machine for their journals and logs."""

    def __init__(self, homes, folder):
        self._homes = homes
        self.journal = folder / "journal"
        self.journal.mkdir()
        self._log = folder / "runs.log"
        self._running = {}
        self._memory = defaultdict(list)
        self.ended = 0

    def start(self, name):
        """Start `somabus run` for an agent on its machine."""
        machine = self._homes[name]
        facts = {
            "SOMABUS_BUS": machine.bus,
            "SOMABUS_HOME": machine.home,
            "SOMABUS_AGENT": name,
            "SOAK_JOURNAL": self.journal,
        }
        with open(self._log, "a") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "somabus", "run", "--every", "1m", "--lease", "20s", "--script", FORWARDER],
                env={**os.environ, **{fact: str(value) for fact, value in facts.items()}},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def pids(self):
        """Return which process each agent is now."""
        return {name: process.pid for name, process in self._running.items()}

    def kill(self, name):
        """Kill an agent as `kill -9` does."""
        self._running[name].kill()
        self._running[name].wait()

    def supervise(self):
        """Start again what has ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                self.ended += 1
                self.start(name)

    def sample(self):
        """Note how much memory each process has now, in MB."""
        for name, process in self._running.items():
            pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
            self._memory[name, process.pid].append(pages * _PAGE / 1e6)

    def memory(self):
        """Return for each life that was long enough its agent, and the medians of its second and its last quarter."""
        for (name, _), life in self._memory.items():
            if len(life) >= _SETTLED:
                quarter = len(life) // 4
                yield name, median(life[quarter : 2 * quarter]), median(life[-quarter:])

    def stop(self):
        """Ask all to stop, and return how each of them ended."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(120) for name, process in self._running.items()}

    def said(self):
        """Return what all of them printed."""
        return self._log.read_text()

    def end(self):
        """End what still runs."""
        for process in self._running.values():
            process.kill()
            process.wait()
