"""P7. Over HTTP the server is for this machine, and for those who know the token."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import warnings
from contextlib import contextmanager

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from somabus.errors import ConfigurationError, UnsafeKeyError
from somabus.home import mcp_token
from somabus.mcp.serve import serve_http
from tests.coding.conftest import Team, play
from tests.surfaces.shell import Answer


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """The team of all these tests."""
    return Team(tmp_path_factory.mktemp("http"))


@contextmanager
def serving(team, **environment):
    """Enter with a server that runs, its address, and what it said."""
    running = subprocess.Popen(
        team.order("mcp", "--http", "0", "--agent", "worker"),
        stdout=subprocess.PIPE,
        text=True,
        env={**team.environment, **environment},
    )
    try:
        line = running.stdout.readline()
        yield running, next(word for word in line.split() if word.startswith("http")).rstrip(";"), line
    finally:
        running.kill()
        running.wait(30)
        running.stdout.close()


@pytest.fixture(scope="module")
def url(team):
    """The address of a server that runs."""
    with serving(team) as (_, url, _):
        yield url


@pytest.fixture
def token(team, url):
    """The token that it made."""
    return (team.folder / "home" / "mcp-token").read_text(encoding="utf-8")


OWN = "one of my own"
ASK = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


def ask(url, **headers):
    """Ask for the tools, as whoever the headers say; return the answer's code."""
    accept = {"Accept": "application/json, text/event-stream", **headers}
    return httpx2.post(url, json=ASK, headers=accept, timeout=30).status_code


def test_without_the_token_nobody_is_heard(url, token):
    """No token, a wrong one, or half of one: 401, whatever is asked."""
    assert ask(url) == 401
    assert ask(url, Authorization="Bearer nonsense") == 401
    assert ask(url, Authorization=f"Bearer {token[:-1]}") == 401
    assert ask(url, Authorization=token) == 401
    assert ask(url.replace("/mcp", "/nosuch")) == 401
    assert ask(url, Authorization=f"Bearer {token}") != 401


def test_a_web_page_cannot_speak_to_it(url, token):
    """A foreign Origin or Host is refused even with the token: no page in a browser reaches the bus."""
    known = {"Authorization": f"Bearer {token}"}

    assert ask(url, **known, Origin="http://evil.example") == 403
    assert ask(url, **known, Host="evil.example") == 421


def test_it_listens_on_this_machine_alone(url):
    """The address is a loopback one, and no other address of the machine answers."""
    port = int(url.split(":")[2].split("/")[0])

    assert url.startswith("http://127.0.0.1:")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_the_token_is_this_users_alone_and_made_once(team, token):
    """The token lies in the home, readable by this user alone; the next server takes the same; one that others can read is not used."""
    path = team.folder / "home" / "mcp-token"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(token) >= 40
    assert mcp_token(team.folder / "home", os.urandom) == token
    path.chmod(0o644)
    with pytest.raises(UnsafeKeyError, match="mcp-token"):
        mcp_token(team.folder / "home", os.urandom)
    path.chmod(0o600)


@pytest.mark.slow
def test_a_token_of_ones_own_can_be_set_and_a_signal_ends_the_server(team, token):
    """SOMABUS_MCP_TOKEN takes the place of the one in the home, and is not printed; SIGTERM ends the server at once and without a word."""
    with serving(team, SOMABUS_MCP_TOKEN=OWN) as (running, url, said):
        assert "SOMABUS_MCP_TOKEN" in said
        assert OWN not in said
        assert ask(url, Authorization=f"Bearer {token}") == 401
        assert ask(url, Authorization=f"Bearer {OWN}") != 401

        running.send_signal(signal.SIGTERM)

        assert running.wait(30) in (0, -signal.SIGTERM)
        assert running.stdout.read() == ""


def test_each_client_is_told_of_what_it_subscribed_to(team, url, token):
    """Of two clients of one server each has its own subscriptions: one that unsubscribes takes nothing from the other."""

    async def scene():
        got = [asyncio.Queue(), asyncio.Queue()]

        def hears(queue):
            async def hear(message):
                if getattr(message, "method", "") == "notifications/resources/updated":
                    await queue.put(str(message.params.uri))

            return hear

        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as http,
            Client(streamable_http_client(url, http_client=http), mode="legacy", message_handler=hears(got[0])) as one,
            Client(streamable_http_client(url, http_client=http), mode="legacy", message_handler=hears(got[1])) as two,
        ):
            with warnings.catch_warnings():  # the era of 2026 has removed it; clients of 2025 use it all the same
                warnings.simplefilter("ignore")
                for client in (one, two):
                    await client.subscribe_resource("somabus://inbox")
                await one.unsubscribe_resource("somabus://inbox")
            await asyncio.to_thread(team.agent("coordinator").send, "worker", "hello")
            told = await got[1].get()
            await one.call_tool("coordination_peers", {})
            return told, got[0].qsize()

    assert play(scene()) == ("somabus://inbox", 0)


def test_a_port_that_is_taken_is_said(team):
    """If another program has the port, the error names it and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=str(port)):
            serve_http(team.agent("worker"), team.agent("worker"), port=port, token="x" * 43, ready=print)


def test_without_the_extra_it_says_what_to_install(team):
    """Where the MCP SDK is not installed, `somabus mcp` says so, with the command that helps; everything else works."""
    blocker = team.folder / "blocked"
    (blocker / "mcp").mkdir(parents=True)
    (blocker / "mcp" / "__init__.py").write_text("raise ImportError('not installed')\n")
    environment = {**team.environment, "PYTHONPATH": f"{blocker}{os.pathsep}{team.environment['PYTHONPATH']}"}

    def run(*words):
        done = subprocess.run(team.order(*words), capture_output=True, text=True, env=environment, timeout=60)
        return Answer(done.returncode, done.stdout, done.stderr)

    refused = run("mcp", "--agent", "worker")

    assert (refused.code, "pip install 'somabus[mcp]'" in refused.err) == (2, True)
    assert run("status", "--agent", "worker").code == 0
