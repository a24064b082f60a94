"""P7. Over HTTP the server is for this machine, and for those who know the token."""

import os
import signal
import socket
import stat
import subprocess

import httpx2
import pytest

from somabus.errors import ConfigurationError
from somabus.mcp.serve import serve_http
from tests.surfaces.shell import Answer


@pytest.fixture
def server(team):
    """A server that runs, and its address."""
    running = subprocess.Popen(
        team.order("mcp", "--http", "0", "--agent", "worker"), stdout=subprocess.PIPE, text=True, env=team.environment
    )
    line = running.stdout.readline()
    yield running, next(word for word in line.split() if word.startswith("http")).rstrip(";")
    running.kill()
    running.wait(30)
    running.stdout.close()


ASK = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


def ask(url, **headers):
    """Ask for the tools, as whoever the headers say; return the answer's code."""
    accept = {"Accept": "application/json, text/event-stream", **headers}
    return httpx2.post(url, json=ASK, headers=accept, timeout=30).status_code


def test_without_the_token_nobody_is_heard(team, server):
    """No token, a wrong one, or half of one: 401, whatever is asked."""
    _, url = server
    token = (team.folder / "home" / "mcp-token").read_text(encoding="utf-8")

    assert ask(url) == 401
    assert ask(url, Authorization="Bearer nonsense") == 401
    assert ask(url, Authorization=f"Bearer {token[:-1]}") == 401
    assert ask(url, Authorization=token) == 401
    assert ask(url, Authorization=f"Bearer {token}") != 401


def test_a_web_page_cannot_speak_to_it(team, server):
    """A foreign Origin or Host is refused even with the token: no page in a browser reaches the bus."""
    _, url = server
    token = {"Authorization": f"Bearer {(team.folder / 'home' / 'mcp-token').read_text(encoding='utf-8')}"}

    assert ask(url, **token, Origin="http://evil.example") == 403
    assert ask(url, **token, Host="evil.example") == 421


def test_it_listens_on_this_machine_alone(server):
    """The address is a loopback one, and no other address of the machine answers."""
    _, url = server
    port = int(url.split(":")[2].split("/")[0])

    assert url.startswith("http://127.0.0.1:")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_the_token_is_this_users_alone_and_made_once(team, server):
    """The token lies in the home, readable by this user alone, and stays the same."""
    path = team.folder / "home" / "mcp-token"
    before = path.read_text(encoding="utf-8")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(before) >= 40
    assert path.read_text(encoding="utf-8") == before


def test_it_ends_when_it_is_told_to(server):
    """SIGTERM ends the server, at once and without a word."""
    running, _ = server

    running.send_signal(signal.SIGTERM)

    assert running.wait(30) in (0, -signal.SIGTERM)


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
