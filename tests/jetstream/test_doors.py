"""Every way in that an address and the settings know, each against a real server that asks for it."""

import os
import socket
import subprocess
import sys
import threading

import pytest

from somabus import create_bus
from somabus.errors import ConfigurationError, NotLetInError, StoreRefusedError, StoreUnavailableError, UnfitServerError
from somabus.site import address_of
from somabus.store.nats import open_store
from somabus.store.nats.facts import facts_of
from tests.jetstream.tickets import Authority, Operator, new_key, public

AUTH = "authorization {{ {} }}"


@pytest.fixture
def enter():
    """Opens a store by an address and an environment, and uses it; it is closed at the end."""
    opened = []

    def enter(url, **environment):
        settings = {f"SOMABUS_NATS_{name}": str(value) for name, value in environment.items()}
        opened.append(open_store(f"{url}/soma", settings))
        opened[-1].make()
        opened[-1].replace("a.json", b"1")
        return opened[-1].read("a.json")

    yield enter
    for store in opened:
        store.close()


def test_user_and_password(servers, enter):
    """A user and a password let in, from the address or from the environment; wrong ones are told at once, and never shown."""
    server = servers(more=AUTH.format("user: scout, password: secret"))

    assert enter(server.url, USER="scout", PASSWORD="secret") == b"1"
    assert enter(f"nats://scout:secret@{server.address}") == b"1"
    for door in ({}, {"USER": "scout", "PASSWORD": "hushhush"}, {"TOKEN": "hushhush"}):
        with pytest.raises(NotLetInError, match="does not let us in") as refused:
            enter(server.url, **door)
        assert "hush" not in str(refused.value)
    with pytest.raises(NotLetInError) as refused:
        enter(f"nats://scout:hushhush@{server.address}")
    assert "hush" not in str(refused.value)
    assert address_of(f"nats://scout:hushhush@{server.address}/soma") == f"{server.url}/soma"


def test_a_password_of_any_signs(servers, enter):
    """A password goes into the address percent-encoded, and into the environment as it is; the environment's user counts before the address's."""
    server = servers(more=AUTH.format("user: scout, password: 'p/w@1,#?[x]%'"))

    assert enter(f"nats://scout:p%2Fw%401%2C%23%3F%5Bx%5D%25@{server.address}") == b"1"
    assert enter(f"nats://other:hush@{server.address}", USER="scout", PASSWORD="p/w@1,#?[x]%") == b"1"
    with pytest.raises(ConfigurationError, match="SOMABUS_NATS_PASSWORD") as refused:
        enter(f"nats://scout:p/w@1,#?[x]%@{server.address}")
    assert "p/w" not in str(refused.value)


def test_a_token(servers, enter):
    """A token lets in."""
    server = servers(more=AUTH.format('token: "s3cret"'))

    assert enter(server.url, TOKEN="s3cret") == b"1"
    assert enter(f"nats://s3cret@{server.address}") == b"1"
    with pytest.raises(NotLetInError):
        enter(server.url, TOKEN="other")


def test_an_nkey(servers, enter, tmp_path):
    """A file with the seed of an nkey lets in: the key itself is never sent."""
    pair, seed = new_key("user")
    server = servers(more=AUTH.format(f"users = [ {{ nkey: {public(pair)} }} ]"))
    (tmp_path / "mine.nk").write_text(f"{seed}\n")
    (tmp_path / "other.nk").write_text(new_key("user")[1])

    assert enter(server.url, NKEY=tmp_path / "mine.nk") == b"1"
    with pytest.raises(NotLetInError):
        enter(server.url, NKEY=tmp_path / "other.nk")


def test_a_credentials_file(servers, enter, tmp_path):
    """A file with a JWT and a seed lets in where an operator rules; another operator's does not."""
    operator = Operator()
    server = servers(more=operator.configuration)

    assert enter(server.url, CREDS=operator.credentials(tmp_path / "scout.creds", "scout")) == b"1"
    with pytest.raises(NotLetInError):
        enter(server.url, CREDS=Operator().credentials(tmp_path / "other.creds", "scout"))


def test_tls(servers, enter, tmp_path):
    """A server that shows a certificate is believed if ours vouches for it, and none of its own invention."""
    authority, stranger = Authority(tmp_path), Authority(_folder(tmp_path, "stranger"))
    certificate, key = authority.issue("server")
    server = servers(more=f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}')
    tls = f"tls://{server.address}"

    assert enter(tls, CA=authority.path) == b"1"
    assert enter(server.url, CA=authority.path) == b"1"
    for url, environment in ((tls, {}), (server.url, {}), (tls, {"CA": stranger.path})):
        with pytest.raises(UnfitServerError, match=r"not believed here: .*; SOMABUS_NATS_CA=FILE says") as told:
            enter(url, **environment)
        assert "try again" not in str(told.value)
    with pytest.raises(UnfitServerError, match="write the name that it is for into the address"):
        enter(f"tls://localhost:{server.port}", CA=authority.path)


@pytest.mark.slow
def test_under_tls_nothing_is_said_on_stderr(servers, tmp_path):
    """A process that comes over TLS, and one that is not let in, end without a word of asyncio's."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    tls = f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\n'
    server = servers(more=tls + AUTH.format("user: scout, password: secret"))
    script = "import os, sys; from somabus.store.nats import open_store; open_store(sys.argv[1], os.environ).make()"
    for password, code in (("secret", 0), ("other", 1)):
        environment = {
            "SOMABUS_NATS_USER": "scout",
            "SOMABUS_NATS_PASSWORD": password,
            "SOMABUS_NATS_CA": authority.path,
        }
        done = subprocess.run(
            [sys.executable, "-c", script, f"tls://{server.address}/soma"], capture_output=True, text=True, timeout=60,
            check=False, env=os.environ | {name: str(value) for name, value in environment.items()},
        )  # fmt: skip
        assert (done.returncode, "eof_received" in done.stderr) == (code, False), done.stderr


def test_who_is_not_let_in_is_told_as_whom_we_came(servers, enter, tmp_path):
    """What is said begins with what it is, names the user and the setting or the address that it is from, and a setting that is none."""
    server = servers(more=AUTH.format("user: scout, password: secret"))
    (tmp_path / "mine.nk").write_text(new_key("user")[1])
    ways = [
        (
            {"USER": "planner", "PASSWORD": "hush"},
            server.url,
            "we came as user planner, from SOMABUS_NATS_USER; it says",
        ),
        ({"TOKEN": "hush"}, server.url, "we came with the token of SOMABUS_NATS_TOKEN; it says"),
        ({"NKEY": tmp_path / "mine.nk"}, server.url, "we came with the key of SOMABUS_NATS_NKEY="),
        ({}, f"nats://planner:hush@{server.address}", "we came as user planner, from the address; it says"),
        ({}, f"nats://hush@{server.address}", "we came with the token in the address; it says"),
        (
            {"USERNAME": "scout"},
            server.url,
            "we came as nobody, and SOMABUS_NATS_USERNAME is no setting; SOMABUS_NATS_USER",
        ),
    ]
    for environment, url, said in ways:
        with pytest.raises(NotLetInError) as refused:
            enter(url, **environment)
        told = str(refused.value)
        assert told.startswith(f"'{server.url}/soma' does not let us in ({said}"), told
        assert "hush" not in told
        assert "read-only" not in told


def test_what_a_user_may_not_write_is_told_with_the_user(servers, enter):
    """Where the server lets us in and refuses a subject, it is said whom it took us for, and that another agent's subject needs that agent's user."""
    deny = 'publish: { deny: "soma.k.a%2Ejson" }'
    lists = f"{{ user: all, password: x }}, {{ user: scout, password: x, permissions: {{ {deny} }} }}"
    server = servers(more=AUTH.format(f"users = [ {lists} ]"))
    assert enter(server.url, USER="all", PASSWORD="x") == b"1"

    with pytest.raises(StoreRefusedError) as refused:
        enter(server.url, USER="scout", PASSWORD="x")

    for said in (
        'may not publish "soma.k.a%2Ejson"',
        "we came as user scout, from SOMABUS_NATS_USER",
        "another agent's",
    ):
        assert said in str(refused.value)


def test_a_server_without_jetstream_is_told_what_it_lacks(servers):
    """A server that runs without JetStream is told so, with the way to start it, and nobody is sent to try again."""
    with pytest.raises(UnfitServerError, match="runs without JetStream; start it with -js") as told:
        create_bus(f"{servers(jetstream='').url}/soma")
    assert "try again" not in str(told.value)


@pytest.mark.slow
def test_tls_that_the_server_asks_for(servers, tmp_path, monkeypatch):
    """Where the server asks for TLS and nobody here does, the connection is under TLS all the same, and the doctor hears so."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    for more, secret in (("", False), (f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}', True)):
        store = open_store(f"{servers(more=more).url}/soma", {})
        store.make()
        assert facts_of(store.stream).secret is secret
        store.close()


def test_a_certificate_of_our_own(servers, enter, tmp_path):
    """A server may ask for our certificate, too."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    mine, my_key = authority.issue("scout")
    server = servers(
        more=f'tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{authority.path}", verify: true }}'
    )
    tls = f"tls://{server.address}"

    assert enter(tls, CA=authority.path, CERT=mine, KEY=my_key) == b"1"
    with pytest.raises(StoreUnavailableError):
        enter(tls, CA=authority.path)


@pytest.mark.parametrize("by", ["address", "settings"])
def test_no_password_goes_out_in_clear_text_where_tls_was_asked_for(tmp_path, enter, by):
    """A server that offers no TLS is told nothing at all by whoever asks for it, though nats would go on without."""
    heard, told = [], threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as door:

        def pretend():
            while True:
                try:
                    guest = door.accept()[0]
                except OSError:
                    return
                with guest:
                    guest.sendall(b'INFO {"server_id":"x","version":"2.15.1","max_payload":1048576,"headers":true}\r\n')
                    guest.settimeout(2)
                    try:
                        heard.append(guest.recv(1000))
                    except ConnectionResetError:
                        heard.append(b"")
                told.set()

        threading.Thread(target=pretend, daemon=True).start()
        address = f"127.0.0.1:{door.getsockname()[1]}"
        with pytest.raises(StoreUnavailableError, match="offers no TLS"):
            if by == "address":
                enter(f"tls://{address}", USER="scout", PASSWORD="secret")
            else:
                enter(f"nats://{address}", USER="scout", PASSWORD="secret", CA=Authority(tmp_path).path)

        assert told.wait(5)

    assert set(heard) == {b""}


WRONG = {
    "no name": ("nats://127.0.0.1:4222", {}, "write nats://HOST:4222/NAME"),
    "a name with a dot": ("nats://u:hush@h:1/so.ma", {}, "write nats://HOST:4222/NAME"),
    "no server": ("nats:///soma", {}, "write nats://HOST:4222/NAME"),
    "no seed": ("nats://h:1/soma", {"NKEY": "nowhere"}, "SOMABUS_NATS_NKEY"),
    "no credentials": ("nats://h:1/soma", {"CREDS": __file__}, "SOMABUS_NATS_CREDS.* it is no credentials file"),
    "a key without its certificate": ("nats://h:1/soma", {"KEY": "mine.pem"}, "without SOMABUS_NATS_CERT"),
    "a user without a password": ("nats://h:1/soma", {"USER": "u"}, "without SOMABUS_NATS_PASSWORD"),
    "a password without a user": ("nats://u@h:1/soma", {"PASSWORD": "hush"}, "without SOMABUS_NATS_USER"),
    "no authority": ("nats://h:1/soma", {"CA": "nowhere.pem"}, "SOMABUS_NATS_CA=nowhere.pem"),
    "no certificate": (
        "nats://h:1/soma",
        {"CERT": "mine.pem", "KEY": "mine.key"},
        "SOMABUS_NATS_CERT=mine.pem with SOMABUS_NATS_KEY=mine.key",
    ),
}


@pytest.mark.parametrize(("where", "environment", "said"), WRONG.values(), ids=WRONG)
def test_settings_that_cannot_work_are_told_before_anybody_is_called(where, environment, said):
    """A wrong address or a file that is not what it should be is told with the setting's name, and no password."""
    with pytest.raises(ConfigurationError, match=said) as refused:
        open_store(where, {f"SOMABUS_NATS_{name}": value for name, value in environment.items()})
    assert "hush" not in str(refused.value)


def _folder(path, name):
    (path / name).mkdir()
    return path / name
