"""A bus on a real folder with a coordinator and a worker, and the SDK's real clients to servers that speak for them."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

import somabus
from somabus import Agent, create_bus
from somabus.mcp.server import Door
from tests.coding.host import Host

DEADLINE_S = 60
ERAS = ["auto", "legacy"]  # the client's words for the protocol of 2026-07-28, and for those before


class Team:
    """A bus in a folder, with two agents that have joined."""

    def __init__(self, folder):
        self.folder = folder
        create_bus(folder / "bus")
        for name in ("coordinator", "worker"):
            self.agent(name)

    def agent(self, name, **declared):
        """Return an agent; asking again is the same one in a new process."""
        return Agent(name, self.folder / "bus", home=self.folder / "home", durability="none", **declared)

    def order(self, *words):
        """Return a command line of somabus for a process of its own."""
        return [sys.executable, "-m", "somabus", *words, "--bus", str(self.folder / "bus")]

    @property
    def environment(self):
        """Return the environment of such a process."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("SOMABUS_")},
            "PYTHONPATH": str(Path(somabus.__file__).parents[1]),
            "SOMABUS_HOME": str(self.folder / "home"),
            "SOMABUS_DURABILITY": "none",
        }

    def stdio(self, name, mode="auto", **options):
        """Return a client of a server that runs in a process of its own."""
        program, *arguments = self.order("mcp", "--agent", name)
        server = StdioServerParameters(command=program, args=arguments, env=self.environment)
        return Client(server, mode=mode, **options)

    @asynccontextmanager
    async def inside(self, name="worker", mode="auto", **options):
        """Enter with a client of a server in this process."""
        door = Door(self.agent(name), self.agent(name))
        async with Client(door.server, mode=mode, **options) as client:
            yield client


@pytest.fixture
def team(tmp_path):
    """Return the team."""
    return Team(tmp_path)


@pytest.fixture(
    params=["claude-code", *(pytest.param(name, marks=pytest.mark.slow) for name in ("cursor", "codex", "gemini-cli"))]
)
def host(request, team):
    """Each coding agent that is known."""
    return Host(team, request.param)


@pytest.fixture
def claude(team):
    """Claude Code; what it started and has not ended is killed."""
    claude = Host(team, "claude-code")
    yield claude
    for process in claude.started:
        process.kill()
        process.communicate()


def play(scene):
    """Run an asynchronous scene to its end, with a deadline."""
    return asyncio.run(asyncio.wait_for(scene, DEADLINE_S))


def text(result):
    """What the model reads of a tool's result."""
    return "\n".join(each.text for each in result.content)


def unread(result):
    """What programs read of it."""
    return result.meta["somabus/inbox_unread"]
