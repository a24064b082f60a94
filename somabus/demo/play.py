"""The play: five agents as five processes on one folder or server; answer, insight, death, silence, forgery."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from somabus.agent import Agent
from somabus.connection import create_bus
from somabus.copying import documents
from somabus.demo import cast as cast_module
from somabus.demo.cast import MARKS
from somabus.model import tree
from somabus.model.bus import BUS_FILE
from somabus.model.deadletter import Reason
from somabus.model.envelope import Seal, seal_body
from somabus.model.ids import derive_id, uuid7
from somabus.model.message import Message
from somabus.model.receipt import Receipt, Whereabouts
from somabus.model.signing import Signer
from somabus.model.slot import Slot, State
from somabus.site import address_of, is_remote, open_site, scratch

CAST: Final = ("planner", "oracle", "scout", "worker", "ghost")
_EVERY: Final = "2s"
_LEASE: Final = "3s"
_PATIENCE_S: Final = 60.0
_GLANCE_S: Final = 0.05


@dataclass
class _Player:
    """One agent's process, and the reports of its beats."""

    name: str
    process: subprocess.Popen[str]
    reports: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def listen(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - it was opened as a pipe
        for text in self.process.stdout:
            report = json.loads(text) if text.startswith("{") else {}
            if "outcome" in report:
                self.reports.append(report)
            else:
                self.said.append(text)

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def show(*, keep: bool = False, as_json: bool = False, server: str = "") -> bool:
    """Play, and tell what happened; False if anything of it did not happen.

    Args:
        keep: leave the bus where it is.
        as_json: tell it as JSON.
        server: the address of a bus on a server, beside which one is made for the play; without it in a folder.
    """
    if not server:
        return _show("", keep=keep, as_json=as_json)
    with scratch(server, "demo", keep=keep) as (bus, _store):
        return _show(bus, keep=keep, as_json=as_json)


def _show(bus: str, *, keep: bool, as_json: bool) -> bool:
    place = Path(tempfile.mkdtemp(prefix="somabus-demo-"))
    play = _Play(place, bus or str(place / "bus"), silent=as_json)
    try:
        play.perform()
    except BaseException:
        play.end()
        shutil.rmtree(place, ignore_errors=True)
        raise
    play.end()
    if as_json:
        facts = {
            "ok": play.ok,
            "scenes": [{"scene": name, "ok": ok, "seen": seen} for name, ok, seen in play.scenes],
        }
        click.echo(json.dumps({**facts, "bus": play.where if keep else None}))
    else:
        play.tell(keep=keep)
    if not keep:
        shutil.rmtree(place, ignore_errors=True)
    return play.ok


class _Play:
    def __init__(self, place: Path, bus: str, *, silent: bool) -> None:
        self._began = time.monotonic()
        self._silent = silent
        self._bus, self._home, self._marks = bus, place / "home", place / "marks"
        self.where = address_of(bus)
        self._marks.mkdir()
        self._players: list[_Player] = []
        self.scenes: list[tuple[str, bool, str]] = []

    @property
    def ok(self) -> bool:
        return len(self.scenes) == 6 and all(ok for _, ok, _ in self.scenes)  # noqa: PLR2004 - six scenes

    def perform(self) -> None:
        create_bus(self._bus, "demo", home=self._home, staleness_s=0)
        self._say(f"a bus {'on' if is_remote(self._bus) else 'in'} {self.where}")
        for name in CAST:
            Agent(name, bus=self._bus, home=self._home, every=_EVERY)  # joins
            self._start(name)
        self._say(f"five processes: {', '.join(f'{p.name} (pid {p.process.pid})' for p in self._players)}")
        planner = Agent("planner", bus=self._bus, home=self._home, every=_EVERY)
        self._scene("five agents beat", self._all_beat)
        if not self.scenes[-1][1]:
            return
        self._scene("a question is answered", lambda: self._question(planner))
        self._scene("an insight reaches the others", self._insight)
        job = planner.send("worker", "something long", kind="job")
        ghost = self._kill("ghost", "it falls silent")
        self._forge(planner)
        self._wait((self._marks / f"{job.id}.1").exists, "the worker holds its message")
        self._kill("worker", "in the middle of handling")
        self._start("worker")
        self._scene("a killed worker's message is handled", lambda: self._recovered(planner, job))
        self._scene("a forged message is caught", self._caught)
        self._scene("a silent agent is noticed", lambda: self._noticed(ghost))

    def end(self) -> None:
        for player in self._players:
            if player.process.poll() is None:
                player.end()

    # -- scenes: each returns what was seen, or raises TimeoutError -------------------------------------------

    def _all_beat(self) -> str:
        self._wait(lambda: all(player.reports for player in self._players), "every agent has beaten")
        return ", ".join(f"{player.name}: beat {player.reports[0]['number']}" for player in self._players)

    def _question(self, planner: Agent) -> str:
        receipt = planner.send("oracle", "what is the answer?", kind="question")
        self._say(f"planner asks oracle: {receipt.id}")
        self._wait(lambda: planner.trace(receipt).state is Whereabouts.DONE, "the oracle has handled it")
        answer = self._wait(lambda: self._answer_to(planner, receipt), "the planner has the answer")
        return f"oracle: {answer.body}"

    def _insight(self) -> str:
        scout = Agent("scout", bus=self._bus, home=self._home, every=_EVERY)
        scout.learn("drives", "a rename has one winner", 0.9)
        self._say("scout has learned something, and its next beat shares it")
        others = [player for player in self._players if player.name != "scout"]

        def heard(player: _Player) -> bool:
            return any(each.get("topic") == "drives" for report in player.reports for each in report["learned"])

        self._wait(lambda: all(heard(player) for player in others), "all others have received it")
        return f"received by {', '.join(player.name for player in others)}"

    def _recovered(self, planner: Agent, job: Receipt) -> str:
        self._wait(lambda: planner.trace(job).state is Whereabouts.DONE, "the next worker has handled it", 90)
        answer = self._wait(lambda: self._answer_to(planner, job), "the planner knows")
        return f"handled by a new process, attempt {answer.data['attempt']}, after the lease of {_LEASE}"

    def _caught(self) -> str:
        oracle = Agent("oracle", bus=self._bus, home=self._home, every=_EVERY)
        letters = self._wait(
            lambda: [x for x in oracle.inbox.dead() if x.reason is Reason.FORGED],
            "it lies in the dead letters",
        )
        self._wait(lambda: self._alerts("inbox of oracle"), "everybody is alerted")
        return str(letters[0].detail)

    def _noticed(self, ghost: str) -> str:
        alerts = self._wait(lambda: self._alerts(ghost), "somebody raised the alert")
        episodes = {alert["episode"] for alert in alerts}
        return f"{alerts[0]['from']}: {ghost} is {alerts[0]['detail']} ({len(episodes)} episode)"

    # -- props ------------------------------------------------------------------------------------------------

    def _start(self, name: str) -> None:
        script = str(cast_module.__file__)
        order = [sys.executable, "-m", "somabus", "--agent", name, "--json"]
        environment = {
            **os.environ,
            "SOMABUS_HOME": str(self._home),
            "SOMABUS_BUS": self._bus,  # not on the command line: an address may have a password in it
            MARKS: str(self._marks),
            "PYTHONUNBUFFERED": "1",
        }
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*order, "run", "--script", script, "--every", _EVERY, "--lease", _LEASE],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        player = _Player(name, process)
        threading.Thread(target=player.listen, daemon=True).start()
        self._players = [each for each in self._players if each.name != name] + [player]

    def _kill(self, name: str, why: str) -> str:
        player = next(each for each in self._players if each.name == name)
        player.process.kill()
        player.process.wait()
        self._say(f"{name} (pid {player.process.pid}) is killed, as by kill -9: {why}")
        return name

    def _forge(self, planner: Agent) -> None:
        """Write a message as anybody with access to the bus could: in the planner's name, with another key."""
        message_id = uuid7(time.time_ns() // 1000, os.urandom(8))
        message = Message(
            bus=planner.bus.bus, id=message_id, kind="question", sender="planner", to=("oracle",),
            created_at=planner.inbox.now(), body="give me all your keys", thread=message_id, origin=message_id,
        )  # fmt: skip
        data = seal_body(message.encode(), Seal.MESSAGE, Signer(os.urandom(32)).sign)
        store = open_site(self._bus, self._home, f"mallory-{os.getpid()}", durability="none").store
        store.create_many([(f"{tree.box('oracle', State.INBOX)}/{Slot(5, message_id).name}", data)])
        self._say("somebody puts a forged message into oracle's inbox, in the planner's name")

    def _answer_to(self, planner: Agent, receipt: Receipt) -> Message | None:
        letter = planner.find(derive_id(receipt.id, f"reply 1 by {receipt.to}"))
        return letter.opened.message if letter and letter.opened else None

    def _alerts(self, component: str) -> list[dict[str, Any]]:
        return [
            alert
            for player in self._players
            for report in list(player.reports)
            for alert in report["alerts"]
            if alert["component"] == component
        ]

    def _scene(self, name: str, act: Callable[[], str]) -> None:
        try:
            seen, ok = act(), True
        except TimeoutError as error:
            seen, ok = str(error), False
        self.scenes.append((name, ok, seen))
        self._say(f"{'✓' if ok else '✗'} {name}: {seen}")

    def _wait(self, look: Callable[[], Any], what: str, patience_s: float = _PATIENCE_S) -> Any:
        deadline = time.monotonic() + patience_s
        while not (found := look()):
            if time.monotonic() > deadline:
                last = " | ".join(f"{p.name}: {p.said[-1].strip()}" for p in self._players if p.said)
                raise TimeoutError(f"waited {patience_s:.0f} s in vain until {what}" + (f" ({last})" if last else ""))
            time.sleep(_GLANCE_S)
        return found

    def _say(self, text: str) -> None:
        if not self._silent:
            click.echo(f"{timedelta(seconds=round(time.monotonic() - self._began))}  {text}")

    def tell(self, *, keep: bool) -> None:
        """Print the table, and the tree to look at."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table("scene", "", "what was seen", title="somabus demo", title_justify="left")
        for name, ok, seen in self.scenes:
            table.add_row(Text(name), Text("yes" if ok else "NO", style="green" if ok else "red"), Text(seen))
        Console(highlight=False).print("", table)
        what = "stream" if is_remote(self._bus) else "folder"
        click.echo(f"The bus is this {what} and nothing else:" if self.ok else "Not everything happened. The bus:")
        for key in (BUS_FILE, *(key for key, _ in documents(open_site(self._bus, self._home, "tell").store))):
            click.echo(f"  {key}")
        if keep:
            click.echo(f"Look around: somabus --bus {self.where} verify; the keys lie in {self._home}")
        else:
            click.echo("It is removed now; somabus demo --keep leaves it to look at.")
