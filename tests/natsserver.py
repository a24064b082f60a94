"""Real nats-servers for tests: on loopback, with a folder and a name of their own.

They end with the test that began them, and with the test process, also where that is killed with -9.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from tests.guardian import Guardian


@cache
def programs():
    """Return the servers of this machine by version: the one beside this Python first, then the system's."""
    beside = Path(sys.executable).with_name("nats-server.exe" if os.name == "nt" else "nats-server")
    places = [beside, shutil.which("nats-server"), shutil.which("nats-server", path="/usr/sbin:/usr/local/bin")]
    found = {}
    for place in places:
        if place and Path(place).exists():
            said = subprocess.run([place, "--version"], capture_output=True, text=True, check=True).stdout
            found.setdefault(re.search(r"\d+\.\d+\.\d+", said)[0], str(place))
    return found


def every_server():
    """Return the parameters of a fixture: the first server of this machine; all others in the slow run."""
    found = [
        pytest.param(program, id=version, marks=[pytest.mark.slow] if number else [])
        for number, (version, program) in enumerate(programs().items())
    ]
    return found or [pytest.param(None, id="none", marks=pytest.mark.skip(reason="no nats-server here"))]


def free_port():
    """Return a port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NatsServer:
    """One server. `more` is put into its configuration; `jetstream` replaces what it says of JetStream."""

    def __init__(self, folder, more="", program=None, jetstream=None, max_payload="2MB"):
        self.folder = Path(folder)
        self.name = f"test-{os.urandom(6).hex()}"
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"nats://{self.address}"
        self._program = program or next(iter(programs().values()))
        store = f'jetstream {{ store_dir: "{self.folder.as_posix()}/js", sync_interval: always }}\n'
        said = subprocess.run([self._program, "--version"], capture_output=True, text=True, check=True).stdout
        self.version = tuple(map(int, re.search(r"(\d+)\.(\d+)\.(\d+)", said).groups()))
        if self.version < (2, 10):
            store = f'jetstream {{ store_dir: "{self.folder.as_posix()}/js" }}\n'  # it cannot be told when to force to the disk
        self._always = f'server_name: {self.name}\nlisten: "{self.address}"\nmax_payload: {max_payload}\n'
        self._jetstream = store if jetstream is None else jetstream
        self._file = self.folder / "server.conf"
        self.configure(more)
        self.start()

    def configure(self, more):
        """Write the configuration that the next start reads."""
        self._file.write_text(f"{self._always}{self._jetstream}{more}\n")

    def start(self):
        """Start, and wait until it takes connections."""
        log = (self.folder / "server.log").open("ab")
        self.process = subprocess.Popen([self._program, "-c", str(self._file)], stdout=log, stderr=log)
        self._guardian = Guardian(self.process.pid)
        log.close()
        deadline = time.monotonic() + 20
        while not self._is_up():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, "the server does not come up"

    def _is_up(self):
        """Tell whether this server answers, and not another one that was faster to take the port."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                said = probe.makefile("rb").readline()
        except OSError:
            return False
        return self.name.encode() in said

    def log(self):
        """Return what it has said."""
        return (self.folder / "server.log").read_text()

    def kill(self):
        """End it as kill -9 does."""
        self.process.kill()
        self.process.wait()
        self._guardian.let_go()

    def pause(self):
        """Let it hang: it keeps its connections and says nothing."""
        if not hasattr(signal, "SIGSTOP"):
            pytest.skip("nothing can be made to hang here")
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self):
        """Let it go on."""
        if hasattr(signal, "SIGCONT"):
            self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """End it."""
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        self.kill()
