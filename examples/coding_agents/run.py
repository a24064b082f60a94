"""A brief is handed over between two MCP clients, and nobody carries a message."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from mcp import Client
from mcp.client.stdio import StdioServerParameters

from somabus import Agent, create_bus

NAMES = ("coordinator", "worker")


def server(bus: Path, home: Path, name: str) -> StdioServerParameters:
    """Return how a coding agent starts its server: one process, one agent of the bus."""
    arguments = ["-m", "somabus", "mcp", "--bus", str(bus), "--agent", name]
    return StdioServerParameters(command=sys.executable, args=arguments, env={**os.environ, "SOMABUS_HOME": str(home)})


async def say(client: Client, who: str, tool: str, **arguments: object) -> None:
    """Call a tool as a model would, and show what the model reads."""
    result = await client.call_tool(tool, arguments)
    print(f"\n{who} ─ {tool} {arguments or ''}")
    for content in result.content:
        print("\n".join(f"    {line}" for line in content.text.splitlines()))


async def main() -> None:
    """Play both models."""
    with tempfile.TemporaryDirectory() as folder:
        bus, home = Path(folder, "bus"), Path(folder, "home")
        create_bus(bus, home=home)
        for name in NAMES:
            Agent(name, bus, home=home)
        one, other = (Client(server(bus, home, name)) for name in NAMES)
        async with one as coordinator, other as worker:
            await say(coordinator, "coordinator", "coordination_post", channel="arc:wiki", kind="brief",
                      body="## Goal: index the wiki. @worker?")  # fmt: skip
            await say(worker, "worker", "coordination_peers")  # about something else, and it learns that mail waits
            await say(worker, "worker", "coordination_inbox", action="read")
            await say(worker, "worker", "coordination_post", channel="arc:wiki", kind="claim", body="I take it")
            await say(worker, "worker", "coordination_post", channel="arc:wiki", kind="closeout", body="812 pages")
            await say(coordinator, "coordinator", "coordination_read", channels=["arc:wiki"])
            await say(coordinator, "coordinator", "coordination_channels", action="arcs")


asyncio.run(main())
