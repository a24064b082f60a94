"""A year of a fleet: a clock turned by hand, real agents, real beats, and everything that goes wrong in a year."""

import random
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from somabus.agent import Agent
from somabus.archives import Archives
from somabus.log import Log
from somabus.model import tree
from somabus.model.envelope import split
from somabus.model.wire import parse_object
from somabus.testing import Crash
from tests.year.drive import Process, Switch, folders
from tests.year.ledger import Ledger
from tests.year.machines import MachineClock, park
from tests.year.traffic import CHANNEL, Traffic, Work
from tests.year.watch import Seen, Watch, slot

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 365
SETTLING = 5
_DAY = timedelta(days=1)
_AWAY = (START + 40 * _DAY, START + 41 * _DAY)


@dataclass(frozen=True)
class Plan:
    """What happens in the year. `fresh`: each beat is a new process, as under cron; otherwise until it dies."""

    agents: int
    traffic: Traffic
    crash: float = 0.02
    skip: float = 0.01
    every: str = "0 */6 * * *"
    fresh: bool = True
    days: int = DAYS


@dataclass
class Figures:
    """What was counted."""

    beats: int = 0
    crashes: int = 0
    final: int = 0
    seconds: float = 0.0
    weights: list[int] = field(default_factory=list)
    weeks: list[dict[str, int]] = field(default_factory=list)


class Year:
    """Plays the year on a world whose clock stands at `START`.

    Args:
        world: the bus, with the policy that is to hold.
        plan: how many agents, and what happens to them.
        seed: of everything that is left to chance here.
    """

    def __init__(self, world, plan, seed=1):
        self.world, self.plan, self.dice = world, plan, random.Random(seed)
        self.names = [f"a{number:02d}" for number in range(plan.agents)]
        self.machines = park(START, self.dice)
        self.drive = Switch()
        self.ledger, self.watch, self.figures = Ledger(), Watch(), Figures()
        self.work = Work(self.names, plan.traffic, self.ledger, self.dice)
        self.alerts = Log(world.store, tree.ALERTS)
        self._living = {}
        self._steps = 80 + 6 * plan.agents  # about so many operations is a beat
        self._shown = {}
        self._days = 0

    def play(self):
        """Play the whole year, and some days without work in which everything comes to its end."""
        began = time.perf_counter()
        for name in self.names:
            self._agent(name)
            self.watch.last[name] = Seen(0, slot(START), START)
        for at, name in self._agenda():
            self._turn_the_clock(at)
            self._turn(name, at)
        self._look()
        self.figures.final = self.world.store.weigh("")
        self.figures.seconds = time.perf_counter() - began
        return self

    # -- time -------------------------------------------------------------------------------------------------

    def machine(self, name):
        """Return the machine that an agent lives on."""
        return self.machines[self.names.index(name) % len(self.machines)]

    def _agenda(self):
        """Return when which agent is woken, in order."""
        found = []
        for number, name in enumerate(self.names):
            stagger = timedelta(minutes=number * 7 % 50, seconds=number)
            off = self._off(number)
            for at in self.machine(name).fires(START, self.plan.days + SETTLING, stagger):
                settling = at > START + self.plan.days * _DAY
                skipped = not settling and self.dice.random() < self.plan.skip
                if not skipped and not any(since <= at < until for since, until in off):
                    found.append((at, name))
        return sorted(found)

    def _off(self, number):
        """Return when an agent's machine is switched off: one for a month, every third for a week, many for two days."""
        since = START + (20 + number * 37 % 300) * _DAY
        if number == 1:
            return [(START + 200 * _DAY, START + 230 * _DAY)]
        return [(since, since + (7 if number % 3 == 0 else 2) * _DAY)] if number % 3 < 2 else []

    def _turn_the_clock(self, at):
        while self._days < (at - START) // _DAY:
            self._set(START + (self._days + 1) * _DAY)
            self._days += 1
            self._measure()
        self._set(at)
        self.drive.away = _AWAY[0] <= at < _AWAY[1]

    def _set(self, at):
        self.world.clock.advance(seconds=(at - self.world.clock.now()).total_seconds())

    # -- one beat ---------------------------------------------------------------------------------------------

    def _turn(self, name, at):
        """Wake an agent: it works, reads and beats; now and then it dies in the middle."""
        busy = at < START + self.plan.days * _DAY
        self.figures.beats += 1
        process = self._process(name)
        dies = busy and self.dice.random() < self.plan.crash
        process.begin(dies_at=dies and self.dice.randint(1, self._steps), away=self.drive.away)
        silent = self.watch.silent(name, at)
        try:
            agent = self._agent(name)
            if busy:
                self.work.do(agent, away=self.drive.away)
            if not self.drive.away:
                self.work.read(agent, self._writer)
                self._show_the_dead(agent, at)
            report = agent.beat()
        except Crash:
            self.figures.crashes += 1
            self.watch.maybe |= silent
            del self._living[name]
            self._believe_the_drive(name)
            return
        self._judge(name, report, at)
        if self.plan.fresh:
            del self._living[name]

    def _judge(self, name, report, at):
        if self.drive.away:
            if not report.could_not_look:
                self.watch.faults.append(f"{name} at {at}: the drive was away and the beat does not say so")
            return
        self.watch.faults += [f"{name} at {at}: {step.name}: {step.detail}" for step in report.steps if not step.ok]
        self.watch.beaten(name, report, at)

    def _believe_the_drive(self, name):
        """Whoever watches a dying process cannot know how far it got: the drive tells."""
        raw = self.world.store.read(tree.heartbeat(name))
        if raw is not None:
            said = parse_object(split(raw).body)
            due, at = (datetime.fromisoformat(each) for each in (said["beat"]["due_at"], said["written_at"]))
            if said["beat"]["number"] != self.watch.last[name].number:
                self.watch.missed_in_a_crash(name, said["beat"]["missed"], at)
            self.watch.last[name] = Seen(said["beat"]["number"], slot(due), at)

    def _show_the_dead(self, agent, at):
        """Once a month somebody looks at the dead letters."""
        if self._shown.get(agent.name) != at.month:
            agent.inbox.mark_shown(agent.inbox.dead())
            self._shown[agent.name] = at.month

    def _process(self, name):
        if name not in self._living:
            self.world.connection(name)
            self._living[name] = (Process(self.world.store, self.world.homes[name], self.drive), None)
        return self._living[name][0]

    def _agent(self, name):
        process, agent = self._process(name), self._living[name][1]
        if agent is None:
            connection = self.world.connection(name, store=process.drive, home=process.home)
            machine = self.machine(name)
            clock = MachineClock(self.world.clock, machine)
            agent = self._made(name, connection._replace(clock=clock, machine=machine.name))
            self._living[name] = (process, agent)
        return agent

    def _made(self, name, connection):
        agent = Agent(name, connection, every=self.plan.every)
        self.work.handle(agent)
        return agent

    def _writer(self, number):
        """Return who wrote a post, by what lies there."""
        raw = Log(self.world.store, tree.channel(CHANNEL)).read(number)
        return parse_object(split(raw).body)["sender"] if raw else None

    # -- measuring --------------------------------------------------------------------------------------------

    def _measure(self):
        weight = self.world.store.weigh("")
        self.figures.weights.append(weight)
        if self._days % 7 == 0:
            self._look()
            self.figures.weeks.append(self._largest())

    def _look(self):
        spooled = [name.removesuffix(".json") for home in self.world.homes.values() for name in home.list("spool")]
        self.ledger.look(self.world.store, self.names, spooled)

    def _largest(self):
        """Return, of each kind of folder, how many entries the largest has."""
        found = {}
        stores = [("bus/", self.world.store), *(("home/", home) for home in self.world.homes.values())]
        for where, store in stores:
            for folder, count in folders(store).items():
                kind = where + _kind(folder)
                found[kind] = max(found.get(kind, 0), count)
        return found

    def report(self):
        """Return the figures for people."""
        fates, figures = self.ledger.fates(), self.figures
        budget = self.world.bus.policy.retention.budget_bytes
        packed, dropped = self.archives()
        return {
            "beats": figures.beats,
            "crashes": figures.crashes,
            "sent": len(self.ledger.sent),
            **{fate: fates[fate] for fate in ("handled", "dead", "expired", "withdrawn", "lost")},
            "tried more than once": sum(len(each) > 1 for each in self.ledger.given.values()),
            "twice under one generation": sum("twice under" in each for each in self.ledger.faults),
            "missed counted/expected": f"{self.watch.counted}/{self.watch.missed}",
            "alerts/episodes": f"{len(self.raised())}/{len(self.watch.accused)}",
            "peak/final/budget MB": "/".join(
                f"{each / 1e6:.1f}" for each in (max(figures.weights), figures.final, budget)
            ),
            "largest folder": max(max(week.values()) for week in figures.weeks),
            "segments packed": packed + dropped,
            "segments dropped": dropped,
            "seconds": round(figures.seconds),
        }

    def raised(self):
        """Return the alerts that lie on the bus, each with its component and episode."""
        bodies = [parse_object(split(self.alerts.read(number)).body) for number in self.alerts.after(0, 1_000_000)]
        return [(body["data"]["component"], body["data"]["episode"]) for body in bodies]

    def archives(self):
        """Return how many segments of all logs lie packed now, and how many were packed and dropped."""
        logs = [*(tree.outbox(name) for name in self.names), tree.channel(CHANNEL), tree.ALERTS]
        found = [Archives(self.world.store, log) for log in logs]
        return sum(len(each.look()) for each in found), sum(len(each.gone) for each in found)


def _kind(folder):
    """Return a folder with what differs between two of its kind left out."""
    return re.sub(r"(?<![a-z])a\d\d(?![0-9a-z])|\d{4}-\d\d-\d\d|\d{7}(?=/|$)|(?<=tmp/)[^/]+", "*", folder)
