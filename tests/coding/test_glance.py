"""P6. A hook that has nothing to say costs next to nothing, and overlooks nothing."""

import json
import os
import subprocess
import sys

import pytest

from somabus.announcer import _digest
from somabus.hooks import glance
from somabus.hooks.hosts import Moment
from somabus.store.directory import DirectoryStore
from tests.coding.events import CLAUDE
from tests.coding.host import DEADLINE_S, silent


def test_a_quiet_hook_loads_nothing(claude):
    """The second look of a quiet session is a glance at the folders: neither pydantic nor click nor anything of the bus is loaded for it."""
    script = (
        "import sys\n"
        f"sys.argv = ['somabus', *{claude.order(Moment.TOOL).split()[3:]!r}]\n"
        "from somabus.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(' '.join(name for name in ('pydantic', 'click', 'orjson', 'somabus.agent') if name in sys.modules))\n"
    )
    loaded = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script], input=json.dumps(CLAUDE["tool"]), capture_output=True, text=True,
            env=claude.environment, timeout=DEADLINE_S, cwd=claude.team.folder,
        )  # fmt: skip
        loaded.append(done.stdout.split())

    assert loaded == [["pydantic", "click", "orjson", "somabus.agent"], []]


@pytest.mark.parametrize(
    "what", ["mail", *(pytest.param(each, marks=pytest.mark.slow) for each in ("post", "subscription"))]
)
def test_a_glance_overlooks_nothing(claude, what):
    """A mail, a post in a followed channel, or a channel that is followed since, is noticed at the next call."""
    coordinator, worker = claude.team.agent("coordinator"), claude.team.agent("worker")
    worker.subscribe("arc:wiki")
    coordinator.post("general", "from before")
    for _ in range(2):
        assert silent(claude.call("tool"))

    acts = {
        "mail": lambda: coordinator.send("worker", "x"),
        "post": lambda: coordinator.post("arc:wiki", "x"),
        "subscription": lambda: worker.subscribe("general"),
    }
    acts[what]()

    assert not silent(claude.call("tool"))


def test_a_glance_is_not_trusted_for_long(tmp_path):
    """A hint has a short life: after half a minute, or after a restart of the machine, the next call looks properly."""
    event, where = b'{"session_id":"S","hook_event_name":"Stop"}', str(tmp_path)
    glance.remember(where, [], event, glance.moved_at([where]))
    assert not glance.nothing_moved(where, [], event)  # the folder has moved: the glance itself lies there
    glance.remember(where, [], event, {"/nowhere": 0})
    assert glance.nothing_moved(where, [], event)
    assert not glance.nothing_moved(where, ["--agent", "other"], event)

    (file,) = tmp_path.iterdir()
    for at in (-1e9, 1e12):
        file.write_text(json.dumps({"at": at, "folders": {"/nowhere": 0}}))
        assert not glance.nothing_moved(where, [], event)
    file.write_text("garbage")
    assert not glance.nothing_moved(where, [], event)


def test_a_hook_that_could_not_look_is_no_reason_to_glance(claude):
    """If another process of the session was looking just then, and died before it told, the next call tells."""
    coordinator, worker = claude.team.agent("coordinator"), claude.team.agent("worker")
    coordinator.send("worker", "x")
    home = DirectoryStore(
        str(claude.team.folder / "home" / "buses" / worker.bus.bus / "worker"), writer="test", private=True
    )
    with home.lock(f"session.{_digest('S')}"):
        assert silent(claude.call("tool"))

    assert not silent(claude.call("tool"))


def test_glances_of_sessions_that_never_ended_go_after_a_month(tmp_path):
    """A session that ended without a word leaves a glance for a month; the next session that ends lets it go, and no younger one."""
    events = [json.dumps({"hook_event_name": "Stop", "session_id": name}).encode() for name in ("old", "young", "ends")]
    for event in events:
        glance.remember(str(tmp_path), [], event, {})
    (old,) = tmp_path.glob("old.*")
    month_ago = old.stat().st_mtime - 31 * 86_400
    os.utime(old, (month_ago, month_ago))

    glance.forget(str(tmp_path), [], events[2])

    assert [path.name.split(".")[0] for path in tmp_path.iterdir()] == ["young"]
