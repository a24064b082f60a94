"""Two hundred followed channels of ten thousand posts each: the count is right, and does not grow with the history."""

import os
import random
import shutil
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest

from somabus import Agent, create_bus
from somabus.model import tree

CHANNELS = 200


def lengthen(channel: Path, posts: int) -> None:
    """Make a long history of one genuine post: every later entry is another name of its file."""
    first = channel / "0000000" / "0000000001.json"
    for segment in range(posts // 1000 + 1):
        folder = channel / f"{segment:07d}"
        folder.mkdir(exist_ok=True)
        for number in range(max(2, segment * 1000), min(posts, segment * 1000 + 999) + 1):
            os.link(first, folder / f"{number:010d}.json")


def timed(step, times):
    """Return the median seconds of a step."""
    taken = []
    for _ in range(times):
        begun = perf_counter()
        step()
        taken.append(perf_counter() - begun)
    return median(taken)


@pytest.mark.slow
def test_unread_stays_right_and_costs_the_same_however_long_the_history_is(tmp_path, capsys):
    """P6: an agent that follows 200 channels of 10,000 posts is told exactly what it has not read; the cost of one count and of one read is printed beside that of channels of 500 posts."""
    rows = {}
    for posts in (500, 10_500):
        bus, home = tmp_path / str(posts), tmp_path / "home"
        create_bus(bus)
        scout = Agent("scout", bus, home=home, durability="none")
        worker = Agent("worker", bus, home=home, durability="none")
        dice = random.Random(posts)
        unread = {}
        for n in range(CHANNELS):
            name = f"arc:{n}"
            scout.post(name, "history")
            lengthen(bus / tree.channel(name), posts)
            worker.subscribe(name, history=False)
        for name in dice.sample([f"arc:{n}" for n in range(CHANNELS)], 50):
            unread[name] = dice.randrange(1, 5)
            for _ in range(unread[name]):
                scout.post(name, "news")

        fresh = Agent("worker", bus, home=home, durability="none")
        cold = timed(lambda agent=fresh: agent.unread, 1)

        assert fresh.unread == sum(unread.values())
        assert {name: n for name, n in fresh.unread_by_channel().items() if n} == unread

        first = next(iter(unread))
        warm = timed(lambda agent=fresh: agent.unread, 7)
        ends = [bus / tree.channel(f"arc:{n}") / f"{posts // 1000:07d}" for n in range(CHANNELS)]
        bare = timed(lambda folders=ends: [os.listdir(folder) for folder in folders], 7)
        one = timed(lambda agent=fresh, name=first: agent.peek([name], limit=1), 7)
        reading = fresh.read([first], limit=100)
        rows[posts] = (cold, warm, bare, one)

        assert len(reading) == unread[first]
        assert reading.unread_count == sum(unread.values()) - unread[first]
        shutil.rmtree(bus)  # two million names

    with capsys.disabled():
        print(f"\n{CHANNELS} followed channels, ms: count in a fresh process · count again · bare listings · one read")
        for posts, row in rows.items():
            print(f"  {posts:>6} posts each: " + " · ".join(f"{1000 * each:.1f}" for each in row))
