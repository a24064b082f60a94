"""A year of six-hour beats on one bus, with everything that goes wrong in a year (P1, P4, P10, P11, P15).

Five agents live on a real folder, and each beat is a new process, as under cron. A hundred live on the reference store,
in processes that stay until they die. A seed decides who works, fails and dies when.
"""

import gc
import logging
import shutil
import tempfile

import pytest

from somabus.model.bus import BusPolicy
from somabus.model.retention import Retention
from somabus.store.directory import DirectoryStore
from somabus.store.memory import MemoryStore
from somabus.testing import HandClock, World
from tests.gathering import gathered
from tests.year.memory import remember
from tests.year.traffic import Traffic
from tests.year.year import START, Plan, Year

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
DAYS = {"done_days": 14, "dead_days": 20, "archive_days": 7, "logs_days": 60, "keys_days": 30}
FIVE = Plan(5, Traffic(mail=0.5, question=0.2, insight=0.1, post=0.3, chatty=2, follows=3))
HUNDRED = Plan(
    100,
    Traffic(mail=0.15, question=0.05, insight=0.01, post=0.15, chatty=2, follows=5),
    crash=0.005, every="6h", fresh=False,
)  # fmt: skip


def on_a_folder():
    """Play the year of five on a real folder, their homes beside it."""
    clock, root = HandClock(START), tempfile.mkdtemp()
    try:
        world = World(_folder(f"{root}/bus", clock), clock, _policy(8 * MIB))
        world.homes |= {f"a{number:02d}": _folder(f"{root}/home{number}", clock) for number in range(FIVE.agents)}
        yield Year(world, FIVE).play()
    finally:
        shutil.rmtree(root)


def in_memory():
    """Play the year of a hundred in memory; what all of them work out alike, this process works out once."""
    clock = HandClock(START)
    threshold = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)  # a hundred agents are many objects that stay
    with pytest.MonkeyPatch.context() as patch:
        remember(patch)
        yield Year(World(MemoryStore(clock.now), clock, _policy(16 * MIB)), HUNDRED).play()
    gc.set_threshold(*threshold)


@pytest.fixture(scope="module", params=[on_a_folder, in_memory], ids=["five", "hundred"])
def year(request):
    """A year that was played to its end; its figures go into the summary."""
    log = logging.getLogger("somabus")
    level = log.level
    log.setLevel(logging.CRITICAL)  # thousands of handlers fail on purpose
    for played in request.param():
        gathered("years")[f"{played.plan.agents} agents"] = played.report()
        yield played
    log.setLevel(level)


def test_nothing_is_lost(year):
    """Every message that was acknowledged is handled, dead with a reason, expired or withdrawn; none is nowhere."""
    fates = year.ledger.fates()

    assert year.ledger.faults == []
    assert fates.keys() == {"handled", "dead", "expired", "withdrawn"}
    assert fates.total() == len(year.ledger.sent) > 1000


def test_every_question_is_answered(year):
    """Whoever handled a question has answered it, also where it died in between."""
    assert year.ledger.unanswered() == []
    assert len(year.ledger.asked) > 500


def test_a_key_is_handled_once(year):
    """What is sent again and again with one key is handled under one id."""
    assert year.ledger.twice_under_a_key == 0
    assert len(year.ledger.acked_by_key) > 100


def test_every_insight_reaches_everybody(year):
    """What an agent noted on its machine every other one has heard, whoever was away or died meanwhile."""
    assert year.ledger.unheard(year.names) == 0


def test_missed_beats_are_counted_right(year):
    """Each beat counts the slots of the grid that went by without one: over changes of summer time and wrong clocks."""
    assert year.watch.faults == []
    assert year.watch.counted == year.watch.missed > 100


def test_silence_is_alerted_once(year):
    """Whoever is silent is accused once an episode, nobody for the day that the drive was away, and nothing else is alerted."""
    assert year.watch.alerts(year.raised()) == []
    assert len(year.watch.accused) >= 3


def test_disk_use_stays_under_the_budget(year):
    """The bus stays under its budget every day of the year, and grows no more once the first sixty days are over."""
    weights = year.figures.weights

    assert max(weights) < year.world.bus.policy.retention.budget_bytes
    assert max(weights[274:365]) < max(weights[91:182]) * 1.25


def test_no_folder_grows_without_bound(year):
    """Of no kind of folder, on the bus or at a home, the largest holds more in the last quarter than in the second."""
    second, last = year.figures.weeks[13:26], year.figures.weeks[39:52]
    kinds = set().union(*second, *last)
    most = {kind: [max(week.get(kind, 0) for week in weeks) for weeks in (second, last)] for kind in kinds}

    assert {kind: found for kind, found in most.items() if found[1] > found[0] * 1.25 + 10} == {}
    assert any(kind.startswith("home/") for kind in kinds)


def test_logs_are_packed_and_dropped(year):
    """The beginnings of the busy logs were packed and then dropped, while everybody went on reading them."""
    _, dropped = year.archives()

    assert dropped >= 2
    assert len(year.ledger.read) == year.plan.traffic.follows


def _policy(budget):
    return BusPolicy(retention=Retention(**DAYS, budget_bytes=budget))


def _folder(path, clock):
    return DirectoryStore(path, writer="year", durability="none", now=clock.now)
