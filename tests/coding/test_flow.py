"""P6, P7. Two coding agents hand a brief to each other through real MCP clients, and nobody carries a message."""

import subprocess

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.coding.conftest import ERAS, play, text, unread


async def hand_over(coordinator, worker, short):
    """The coordinator posts a brief; the worker notices, reads, works and closes; the coordinator sees it."""
    await coordinator.call_tool("coordination_channels", {"action": "subscribe", "channel": "arc:wiki"})
    posted = await coordinator.call_tool(
        "coordination_post", {"channel": "arc:wiki", "kind": "brief", "body": "## Goal: index the wiki. @worker?"}
    )
    assert "posted as arc:wiki#1" in text(posted)

    unrelated = await worker.call_tool("coordination_peers", {})
    assert text(unrelated).splitlines()[-1].startswith("_inbox_unread: 1")
    assert unread(unrelated) == 1

    listed = await worker.call_tool("coordination_inbox", {})
    assert f"mention from coordinator #{short}" in text(listed)
    whole = await worker.call_tool("coordination_inbox", {"action": "read"})
    assert f"from coordinator #{short}" in text(whole)
    assert "index the wiki" in text(whole)
    assert unread(whole) == 0

    for kind, body in (("claim", "I take it"), ("status", "half of it"), ("closeout", "812 pages")):
        done = await worker.call_tool("coordination_post", {"channel": "arc:wiki", "kind": kind, "body": body})
        assert not done.is_error, text(done)

    news = await coordinator.call_tool("coordination_read", {})
    lines = text(news).splitlines()
    assert [line.split()[1] for line in lines[:3]] == ["claim", "status", "closeout"]
    assert unread(news) == 0
    assert text(await coordinator.call_tool("coordination_channels", {"action": "arcs"})) == "no open arc"


@pytest.mark.parametrize("mode", [ERAS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in ERAS[1:])])
def test_a_brief_is_handed_over_by_two_real_clients(team, mode):
    """The coordinator posts a brief; the worker's next unrelated tool call shows `_inbox_unread: 1`; it reads the inbox, sees who really spoke, and posts status and closeout. Over real stdio, in both eras of the protocol."""

    async def scene():
        async with team.stdio("coordinator", mode) as coordinator, team.stdio("worker", mode) as worker:
            await hand_over(coordinator, worker, team.agent("coordinator").short)

    play(scene())


@pytest.mark.slow  # test_http.py has the servers, and the test above the flow
@pytest.mark.parametrize("mode", ERAS)
def test_the_same_over_http(team, mode):
    """Two servers over real HTTP, with a token: the same flow."""
    servers, urls = [], []
    for name in ("coordinator", "worker"):
        server = subprocess.Popen(
            team.order("mcp", "--http", "0", "--agent", name), stdout=subprocess.PIPE, text=True, env=team.environment
        )
        servers.append(server)
        urls.append(next(word for word in server.stdout.readline().split() if word.startswith("http")).rstrip(";"))
    token = (team.folder / "home" / "mcp-token").read_text(encoding="utf-8")

    async def scene():
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as one,
            httpx2.AsyncClient(headers=headers, timeout=30) as other,
            Client(streamable_http_client(urls[0], http_client=one), mode=mode) as coordinator,
            Client(streamable_http_client(urls[1], http_client=other), mode=mode) as worker,
        ):
            await hand_over(coordinator, worker, team.agent("coordinator").short)

    try:
        play(scene())
    finally:
        for server in servers:
            server.terminate()
            server.wait(30)
            server.stdout.close()
