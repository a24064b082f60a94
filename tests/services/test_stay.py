"""P11 for a process that stays: beats on the grid, mail as it comes, and no end but when it is told."""

import threading
from datetime import timedelta

from somabus.errors import StoppedError, StoreUnavailableError
from somabus.model.schedule import Schedule
from somabus.stay import Stay
from somabus.testing import HandClock


class Life:
    """A process that stays for so many hours by a clock that waiting turns; `mail` tells when mail comes."""

    def __init__(self, hours, *, mail=lambda _at: False, process=lambda: None, beat=lambda: None):
        self.clock, self.stop = HandClock(), threading.Event()
        self.end = self.clock.now() + timedelta(hours=hours)
        self.beats, self.looks, self.began = [], [], self.clock.now()
        self._mail, self._process, self._beat = mail, process, beat

    def at(self):
        return (self.clock.now() - self.began).total_seconds()

    def beat(self):
        self.beats.append(self.clock.now())
        self._beat()

    def process(self):
        self.looks.append(self.at())
        self._process()

    def wait(self, seconds):
        before = self.at()
        self.clock.advance(seconds=max(seconds, 0.1))
        if self.clock.now() >= self.end:
            self.stop.set()
        return self._mail(before)

    def live(self, every="1h"):
        self.stop.wait = self.wait
        Stay(
            beat=self.beat, process=self.process, wait=self.wait, schedule=lambda: Schedule.parse(every),
            now=self.clock.now, monotonic=self.clock.monotonic,
        ).until(self.stop)  # fmt: skip
        return self


def test_it_beats_at_once_and_then_on_the_grid():
    """The first beat comes at once, the others at the slots of the schedule."""
    life = Life(3.5).live()

    assert [(each.minute, each.second) for each in life.beats[1:]] == [(0, 0)] * (len(life.beats) - 1)
    assert len(life.beats) == 4


def test_mail_is_handled_when_it_comes_and_now_and_then():
    """Mail that wakes is handled at once; retries and ended leases, which wake nobody, within ten seconds."""
    life = Life(0.05, mail=lambda at: 31 <= at < 32).live()

    assert any(31 <= look <= 33 for look in life.looks)
    gaps = [after - before for before, after in zip(life.looks, life.looks[1:], strict=False)]
    assert max(gaps) <= 12


def test_trouble_is_told_when_it_begins_and_not_every_second(caplog):
    """A drive that is away for an hour is one line of the log, and a second kind of trouble is another one; it stays and goes on."""
    errors = [StoreUnavailableError("x", "away")] * 500 + [StoppedError("Agent.run", "the bus", "a fire", "anna")] * 500
    handled = []

    def process():
        if errors:
            raise errors.pop(0)
        handled.append(1)

    Life(1, process=process).live("6h")

    assert [record.message for record in caplog.records] == ["could not process mail", "stopped"]
    assert handled


def test_a_beat_that_fails_ends_nothing(caplog):
    """A beat that cannot even begin is told, and the next slot is served all the same."""

    def beat():
        raise StoreUnavailableError("x", "away")

    assert len(Life(3.5, beat=beat).live().beats) == 4
