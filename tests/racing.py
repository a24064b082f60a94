"""Starting racers, listening to them, and judging a race. Shared by the local races and those on real drives."""

import json
import os
import shlex
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

RACER = Path(__file__).with_name("racer.py")
DEADLINE_S = 240


class Racer:
    """One process; its lines are read as they come.

    `script` is another one than `racer.py`, with the same first arguments; `reach` is the command that runs a line of
    shell on another machine, which sees this one's files.
    """

    def __init__(self, role, bus, home, name, *rest, durability="none", script=RACER, reach=()):
        facts = {
            "RACER_DURABILITY": durability,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(RACER.parent.parent), os.environ.get("PYTHONPATH", "")])),
        }
        command = [sys.executable, str(script), role, str(bus), str(home), name, *map(str, rest)]
        if reach:
            command = [*reach, shlex.join(["env", *(f"{fact}={value}" for fact, value in facts.items()), *command])]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **facts},
        )
        self.lines = []
        self._came = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        self.wait_for(lambda lines: any("ready" in line for line in lines))

    def _listen(self):
        for text in self.process.stdout:
            with self._came:
                self.lines.append(json.loads(text))
                self._came.notify_all()
        with self._came:
            self._ended = True
            self._came.notify_all()

    def wait_for(self, seen, deadline_s=DEADLINE_S):
        """Wait for what the process says, with a deadline."""
        with self._came:
            self._came.wait_for(lambda: seen(self.lines) or self._ended, deadline_s)
            assert seen(self.lines), f"{self.lines[-3:]} {self.process.stderr.read() if self._ended else ''}"
            return self.lines

    def go(self):
        """Let it begin, or go on."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self):
        """Kill it as `kill -9` does, and close its pipes."""
        self.process.kill()
        self._close()

    def end(self):
        """Wait until it ends by itself; it must end well."""
        self.process.wait(DEADLINE_S)
        fault = self._close()
        assert self.process.returncode == 0, fault
        return self.lines

    def _close(self):
        self.process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        fault = self.process.stderr.read()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        return fault


def race(places, name, count, lease_s, homes):
    """Let one process a place race for one inbox; return what all of them said."""
    return compete(Racer("drain", place, home, name, count, lease_s) for place, home in zip(places, homes, strict=True))


def compete(racers):
    """Start all of them at once, wait until they end, and return what all of them said."""
    racers = list(racers)
    for racer in racers:
        racer.go()
    return [line for racer in racers for line in racer.end()]


def judge(lines, sent):
    """Judge a race: each message handled, and no generation held by two. Returns how many were handled more than once."""
    claims = Counter((line["id"], line["generation"]) for line in lines if "generation" in line)
    acked = Counter(line["acked"] for line in lines if "acked" in line)
    assert not [line for line in lines if "gave_up" in line], "the racers gave up"
    assert max(claims.values()) == 1, f"held by two: {[key for key, n in claims.items() if n > 1][:3]}"
    assert set(acked) >= set(sent), f"{len(set(sent) - set(acked))} of {len(sent)} were not handled"
    assert set(acked) <= set(sent), "something was handled that nobody sent"
    return sum(n - 1 for n in acked.values())
