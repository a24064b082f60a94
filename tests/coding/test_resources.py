"""P6. The resources show what waits, take nothing, and tell their subscribers when they change, in both eras."""

import asyncio
import json
import subprocess
import warnings
from contextlib import contextmanager
from itertools import product
from types import SimpleNamespace

import pytest
from mcp import MCPError

from somabus.mcp.server import Door
from somabus.mcp.watch import Watch
from tests.coding.conftest import ERAS, play


def uris(listed):
    """The addresses of listed resources."""
    return [str(each.uri) for each in listed.resources]


def test_what_waits_can_be_read_and_is_not_taken(team):
    """The inbox, the channels and each followed channel are resources; reading them moves nothing."""
    coordinator, worker = team.agent("coordinator"), team.agent("worker")
    worker.subscribe("arc:wiki")
    coordinator.send("worker", "hello")
    coordinator.post("arc:wiki", "go", kind="brief")

    async def scene():
        async with team.inside() as client:
            listed = uris(await client.list_resources())
            texts = [(await client.read_resource(uri)).contents[0].text for uri in listed]
            return listed, texts, (await client.list_resource_templates()).resource_templates

    listed, texts, templates = play(scene())

    assert listed == ["somabus://inbox", "somabus://channels", "somabus://channel/arc:wiki"]
    assert "note from coordinator" in texts[0]
    assert texts[1] == "arc:wiki: 1 unread"
    assert "arc:wiki#1 brief from coordinator" in texts[2]
    assert [each.uri_template for each in templates] == ["somabus://channel/{name}"]
    assert team.agent("worker").unread == 2


@pytest.mark.parametrize(
    "uri", ["somabus://nosuch", "somabus://channel/nosuch", "somabus://channel/../x", "file:///etc"]
)
def test_a_resource_that_is_none_is_refused(team, uri):
    """What is no resource is an error that names it."""

    async def scene():
        async with team.inside() as client:
            with pytest.raises(MCPError) as refused:
                await client.read_resource(uri)
            return str(refused.value)

    assert uri.rpartition("/")[2] in play(scene())


@contextmanager
def deprecated():
    """The SDK warns of what the era of 2026 has removed; clients of 2025 use it all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


async def changed(client, mode, uri, act, got):
    """Subscribe, let something happen, and return once the client was told that the resource has changed."""
    if mode == "auto":
        async with client.listen(resource_subscriptions=[uri]) as events:
            await asyncio.to_thread(act)
            async for event in events:
                return event.uri
    with deprecated():
        await client.subscribe_resource(uri)
    await asyncio.to_thread(act)
    told = await got.get()
    with deprecated():
        await client.unsubscribe_resource(uri)
    return told.params.uri


@pytest.mark.parametrize(
    ("where", "what", "mode"),
    [
        ("inside", "post", "legacy"),
        ("stdio", "mail", "auto"),
        *(
            pytest.param("inside", *each, marks=pytest.mark.slow)
            for each in (*product(["mail"], ERAS), ("post", "auto"))
        ),
        *(pytest.param("stdio", *each, marks=pytest.mark.slow) for each in (("post", "auto"), ("mail", "legacy"))),
    ],
)
def test_a_subscriber_is_told_of_a_change(team, where, what, mode):
    """Mail and posts that come are told to a client that has subscribed, in its era's way; over real stdio, too, where they come from another process."""
    coordinator, worker = team.agent("coordinator"), team.agent("worker")
    worker.subscribe("arc:wiki")
    uri = "somabus://inbox" if what == "mail" else "somabus://channel/arc:wiki"

    def act():
        if what == "mail":
            coordinator.send("worker", "hello")
        else:
            coordinator.post("arc:wiki", "hello")

    async def scene():
        got = asyncio.Queue()

        async def hear(message):
            if getattr(message, "method", "") == "notifications/resources/updated":
                await got.put(message)

        async with getattr(team, where)("worker", mode, message_handler=hear) as client:
            await client.call_tool("coordination_peers", {})
            return await changed(client, mode, uri, act, got)

    assert play(scene()) == uri


def test_who_has_unsubscribed_is_told_no_more(team):
    """A client is told of what it is subscribed to, once however often it has subscribed, from the first moment on, and of nothing else."""
    coordinator, worker = team.agent("coordinator"), team.agent("worker")
    worker.subscribe("arc:wiki")

    def act():
        coordinator.send("worker", "hello")
        coordinator.post("arc:wiki", "hello")

    async def scene():
        got = asyncio.Queue()

        async def hear(message):
            if getattr(message, "method", "") == "notifications/resources/updated":
                await got.put(str(message.params.uri))

        async with team.inside("worker", "legacy", message_handler=hear) as client:
            with deprecated():
                await client.subscribe_resource("somabus://inbox")
                await client.subscribe_resource("somabus://channel/arc:wiki")
                await client.subscribe_resource("somabus://channel/arc:wiki")
                await client.unsubscribe_resource("somabus://inbox")
            await asyncio.to_thread(act)
            first = await got.get()
            await client.call_tool("coordination_peers", {})
            return [first, *(got.get_nowait() for _ in range(got.qsize()))]

    assert play(scene()) == ["somabus://channel/arc:wiki"]


def test_what_comes_right_after_the_first_look_is_a_change(team):
    """A server looks before it serves: nothing that comes after a subscription is taken for what was there before."""
    watch = Watch(team.agent("worker"))
    watch.begin()

    team.agent("coordinator").send("worker", "hello")

    assert watch.changed(0) == ("somabus://inbox",)


SLOW = (
    "import threading; from somabus import Agent; from somabus.cli import main\n"
    "Agent.wait = lambda agent, *_: print('looks', flush=True, file=__import__('sys').stderr) or threading.Event().wait(600)\n"
    "main()\n"
)
HELLO = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}  # fmt: skip


@pytest.mark.slow
def test_a_server_whose_client_has_gone_waits_for_no_slow_drive(team):
    """When standard input ends, the server ends, even if a look for changes takes ten minutes just then."""
    program, _, _, *words = team.order("mcp", "--agent", "worker")
    server = subprocess.Popen(
        [program, "-c", SLOW, *words], env=team.environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    server.stdin.write(json.dumps(HELLO) + "\n")
    server.stdin.flush()
    assert "somabus" in server.stdout.readline()
    assert server.stderr.readline() == "looks\n"

    try:
        assert server.communicate(timeout=30) == ("", "")
    finally:
        server.kill()
        server.communicate()

    assert server.returncode == 0


def test_clients_that_go_away_without_a_word_cost_a_bounded_memory(team):
    """However often clients come, subscribe to a resource and vanish, the server keeps the last hundred of them."""
    door = Door(team.agent("worker"), team.agent("worker"))
    sessions = [SimpleNamespace(session=SimpleNamespace(client_params=object())) for _ in range(300)]

    async def scene():
        for context in sessions:
            await door._subscribe(context, SimpleNamespace(uri="somabus://inbox"))

    play(scene())

    assert door._subscribers == {"somabus://inbox": [each.session for each in sessions[-100:]]}
