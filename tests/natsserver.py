"""A real nats-server for tests: on loopback, with a folder of its own, ended with whoever began it."""

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path


def binary():
    """Return the server's program, or None: beside this Python, or on the path."""
    beside = Path(sys.executable).with_name("nats-server")
    return (
        str(beside) if beside.exists() else shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")
    )


def free_port():
    """Return a port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NatsServer:
    """One server. `more` is put into its configuration."""

    def __init__(self, folder, more="", program=None):
        self.folder = Path(folder)
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._program = program or binary()
        self._file = self.folder / "server.conf"
        self._file.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{self.folder}/js", sync_interval: always }}\n'
            f"max_payload: 2MB\n{more}\n"
        )
        self.process = None
        self.start()

    def start(self):
        """Start, and wait until it takes connections."""
        log = (self.folder / "server.log").open("ab")
        self.process = subprocess.Popen([self._program, "-c", str(self._file)], stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    if probe.recv(4) == b"INFO":
                        return
            except OSError:
                pass
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < deadline, "the server does not come up"

    def kill(self):
        """End it as kill -9 does."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """End it."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()
