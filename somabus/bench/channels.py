"""Channels with a history, for the bench: counting and reading must cost the same however long it is."""

import os
from pathlib import Path
from typing import Final

from somabus.agent import Agent
from somabus.model import tree
from somabus.model.archive import SEGMENT

CHANNELS: Final = 5


class History:
    """Some channels of one length, and an agent that follows them all and has read them to the end.

    Args:
        bus: where.
        home: where the keys lie.
        writer: who posts.
        posts: how many stand in each channel.
        durability: as for the bus.
    """

    def __init__(self, bus: Path, home: Path, writer: Agent, *, posts: int, durability: str) -> None:
        self.agent = Agent(f"reader-{posts}", bus, home=home, durability=durability)
        self.posts = posts
        self._writer = writer
        self._names = [f"history-{posts}-{n}" for n in range(CHANNELS)]
        self._ends = [str(bus / tree.channel(name) / f"{posts // SEGMENT:07d}") for name in self._names]
        self._cursors = str(bus / f"bench-{posts}.json")
        for name in self._names:
            writer.post(name, "history")
            _lengthen(bus / tree.channel(name), posts)
            self.agent.subscribe(name, history=False)

    def refill(self, count: int) -> None:
        """Post so many to the first channel, to be read one by one."""
        for _ in range(count):
            self._writer.post(self._names[0], "unread")

    def look(self) -> None:
        """List the last segment of each channel, and nothing else."""
        for folder in self._ends:
            os.listdir(folder)

    def read(self) -> None:
        """Read one post of the first channel."""
        self.agent.read([self._names[0]], limit=1)

    def read_bare(self) -> None:
        """List, read one file and replace another, as reading one post must."""
        folder = self._ends[0]
        with open(os.path.join(folder, max(os.listdir(folder))), "rb") as file:
            data = file.read()
        with open(f"{self._cursors}.aside", "wb") as file:
            file.write(data)
        os.replace(f"{self._cursors}.aside", self._cursors)


def _lengthen(channel: Path, posts: int) -> None:
    """Make a history of one genuine post: every later entry is another name of its file, or a copy of it."""
    first = channel / "0000000" / "0000000001.json"
    for number in range(2, posts + 1):
        path = channel / f"{number // SEGMENT:07d}" / f"{number:010d}.json"
        path.parent.mkdir(exist_ok=True)
        try:
            path.hardlink_to(first)
        except OSError:
            path.write_bytes(first.read_bytes())
