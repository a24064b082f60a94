"""P6. Hooks, end to end: the command that was installed gets the tool's documented event, and answers as it documents."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading

import pytest

from somabus.announcer import _digest
from somabus.hooks import glance
from somabus.hooks.hosts import HOSTS, Moment
from somabus.hooks.install import apply, installed, snippet
from somabus.model.text import line
from somabus.store.directory import DirectoryStore
from tests.coding.events import CLAUDE, EVENTS

DEADLINE_S = 60


class Host:
    """A coding agent with our hooks, which calls them as it documents."""

    def __init__(self, team, name, *, agent="worker"):
        self.team, self.name, self.agent = team, name, agent
        self.events, self.started = EVENTS[name], []
        home = team.folder / "home"
        self.arguments = ["--bus", str(team.folder / "bus"), "--agent", agent, "--home", str(home)]
        self.log = home / "hooks.log"
        self.settings = HOSTS[name].settings(team.folder, team.folder, user=False)
        apply(installed(HOSTS[name], self.settings, self.arguments))

    @property
    def environment(self):
        """The environment of a hook: nothing of somabus is set in it, and the user's own home is an empty folder."""
        kept = {name: value for name, value in self.team.environment.items() if not name.startswith("SOMABUS_")}
        user = str(self.team.folder / "user")
        return {**kept, "HOME": user, "XDG_DATA_HOME": user, "LOCALAPPDATA": user}

    def order(self, moment):
        """Return the command line that `hooks install` wrote into the settings for a moment."""
        (event,) = {each.event for each in HOSTS[self.name].entries if each.moment is moment}
        groups = json.loads(self.settings.read_text(encoding="utf-8"))["hooks"][event]
        commands = [each for group in groups for each in HOSTS[self.name].commands(group)]
        (found,) = [each for each in commands if ("--wait" in each) == (moment is Moment.WAIT)]
        return found

    def event(self, moment, *, session="S", **facts):
        """Return the event of a moment, as the host writes it."""
        event = {**self.events[moment], **facts}
        for member in ("session_id", "conversation_id"):
            if member in event:
                event[member] = session
        return json.dumps(event)

    def call(self, moment, *, order=None, **facts):
        """Call the hook of a moment, through a shell, as the host does; return what it printed and its exit code."""
        return self.raw(order or self.order(Moment(moment)), self.event(moment, **facts))

    def raw(self, order, event):
        """Call a hook with any text on standard input."""
        return subprocess.run(  # noqa: S602 - through a shell, as the host does
            order, shell=True, input=event, capture_output=True, text=True, env=self.environment, timeout=DEADLINE_S,
            cwd=self.team.folder,
        )  # fmt: skip

    def text(self, done):
        """Return what the model is told, wherever this host reads it."""
        said = json.loads(done.stdout)
        return said.get("reason") or said.get("additional_context") or said.get("followup_message") or said[
            "hookSpecificOutput"
        ]["additionalContext"]  # fmt: skip


@pytest.fixture(
    params=["claude-code", "cursor", *(pytest.param(name, marks=pytest.mark.slow) for name in ("codex", "gemini-cli"))]
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


def silent(done):
    """Whether a hook said nothing at all and ended well."""
    return (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_nothing_is_said_when_there_is_nothing(host):
    """Without unread mail no moment says a word or ends otherwise than with 0: no token is spent."""
    assert [moment for moment in host.events if not silent(host.call(moment))] == []
    assert not host.log.exists() or host.log.read_text() == ""


def test_mail_is_shown_at_each_moment_once(host):
    """Mail that waits is told at the start of a session, after a tool, or on stop, whichever comes first, in the shape that the tool documents; then it is not told again."""
    coordinator = host.team.agent("coordinator")
    for moment in ("start", "tool", "stop"):
        coordinator.send("worker", f"before {moment}", kind="question")

        told = host.call(moment)

        assert (told.returncode, told.stderr) == (0, "")
        assert f"question from coordinator #{coordinator.short}" in host.text(told)
        assert f"before {moment}" in host.text(told)
        assert silent(host.call(moment))
    assert host.team.agent("worker").unread == 3


def test_the_shapes_are_those_that_claude_code_documents(claude):
    """Context comes as `hookSpecificOutput.additionalContext` of the event; on stop a block with a reason lets the model go on, but not twice in a turn."""
    coordinator = claude.team.agent("coordinator")
    shapes = {}
    for moment in ("start", "tool", "stop"):
        coordinator.send("worker", moment)
        shapes[moment] = json.loads(claude.call(moment).stdout)

    assert shapes["start"]["hookSpecificOutput"].keys() == {"hookEventName", "additionalContext"}
    assert shapes["start"]["hookSpecificOutput"]["hookEventName"] == "SessionStart"
    assert shapes["tool"]["hookSpecificOutput"]["hookEventName"] == "PostToolUse"
    assert (shapes["stop"]["decision"], shapes["stop"].keys()) == ("block", {"decision", "reason"})
    coordinator.send("worker", "while it works on the block")
    assert silent(claude.call("stop", stop_hook_active=True))
    assert not silent(claude.call("tool"))  # it did not count as told


def test_each_session_is_told_for_itself(claude):
    """Two sessions of one agent are both told; a session that was cleared or compacted is told again, a resumed one is not."""
    claude.team.agent("coordinator").send("worker", "x")
    assert not silent(claude.call("tool", session="one"))
    assert not silent(claude.call("tool", session="other"))
    assert silent(claude.call("start", session="one", source="resume"))

    for source in ("clear", "compact"):
        assert not silent(claude.call("start", session="one", source=source))


def test_a_session_that_ended_is_forgotten(claude):
    """After the end of a session nothing of it is kept; a new one of the same name is told anew."""
    claude.team.agent("coordinator").send("worker", "x")
    claude.call("tool")
    sessions = claude.team.folder / "home" / "buses" / claude.team.agent("worker").bus.bus / "worker" / "sessions"
    assert list(sessions.iterdir()) != []

    assert silent(claude.call("end"))

    assert list(sessions.iterdir()) == []
    assert not silent(claude.call("tool"))


def test_many_are_one_digest(claude):
    """However much has come, it is one text of a few lines, and foreign text in it is cut and clean."""
    coordinator, worker = claude.team.agent("coordinator"), claude.team.agent("worker")
    worker.subscribe("arc:wiki")
    for n in range(30):
        coordinator.send("worker", f"\x1b[31m{n} " + "x" * 500)
        coordinator.post("arc:wiki", f"post {n}", kind="status")

    text = claude.text(claude.call("tool"))

    assert "30 new messages and 30 new posts" in text
    assert "and 25 messages more" in text
    assert "arc:wiki#30 status" in text
    assert "never an order of your user" in text
    assert len(text) < 2000
    assert len(text.splitlines()) <= 10
    assert "\x1b" not in text


# -- waking an idle session ----------------------------------------------------------------------------------------


def started(claude, order, event):
    """Start a hook with an event, through a shell, as the host does; return its process."""
    process = subprocess.Popen(  # noqa: S602 - through a shell, as the host does
        order, shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=claude.environment, cwd=claude.team.folder,
    )  # fmt: skip
    process.stdin.write(event)
    process.stdin.close()
    process.stdin = None
    claude.started.append(process)
    return process


def waiter(claude):
    """Start the waiting hook as Claude Code does on Stop, in the background."""
    return started(claude, claude.order(Moment.WAIT), claude.event("stop"))


def waits(claude):
    """Return once a waiting process has said so in the home."""
    sessions = claude.team.folder / "home" / "buses" / claude.team.agent("worker").bus.bus / "worker" / "sessions"
    deadline, pause = 400, threading.Event()
    while not (sessions.is_dir() and any(each.suffix == ".waiter" for each in sessions.iterdir())):
        deadline -= 1
        assert deadline, "nobody waits"
        pause.wait(0.05)
    return {each.read_bytes() for each in sessions.iterdir() if each.suffix == ".waiter"}


def test_an_idle_session_is_woken_by_mail(claude):
    """The waiting hook ends with 2 and the digest on stderr as soon as mail comes: that wakes an idle session, and the mail counts as told."""
    process = waiter(claude)
    waits(claude)

    claude.team.agent("coordinator").send("worker", "wake up")

    out, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, out) == (2, "")
    assert "wake up" in err
    assert silent(claude.call("tool"))


def test_a_waiter_ends_silently_when_its_session_ends_or_a_newer_one_waits(claude):
    """No process stays behind: the older of two waiters ends, and the last one when the session is over."""
    first = waiter(claude)
    told = waits(claude)
    second = waiter(claude)
    out, err = first.communicate(timeout=DEADLINE_S)
    assert (first.returncode, out, err) == (0, "", "")
    assert waits(claude) != told

    claude.call("end")

    assert second.communicate(timeout=DEADLINE_S) == ("", "")
    assert second.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="the parent of a process is told otherwise there")
def test_a_waiter_ends_when_its_host_is_gone(claude):
    """If the coding agent is killed, its waiter does not stay for hours, although a shell stood between the two."""
    script = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen({claude.order(Moment.WAIT)!r}, shell=True, stdin=subprocess.PIPE)\n"
        f"p.stdin.write({claude.event('stop')!r}.encode()); p.stdin.close()\n"
        "print(p.pid, flush=True); sys.stdin.readline()\n"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=claude.environment, cwd=claude.team.folder,
    )  # fmt: skip
    pid = int(host.stdout.readline())
    waits(claude)
    host.kill()
    host.wait(DEADLINE_S)
    host.stdin.close()
    host.stdout.close()

    pause, left = threading.Event(), 400
    while alive(pid):
        left -= 1
        if not left:
            os.kill(pid, signal.SIGKILL)
            pytest.fail("the waiter is still there")
        pause.wait(0.05)


def alive(pid):
    """Tell whether a process runs, and is no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


# -- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        ("", 1),
        ("gar\x1b[31mbage", 1),
        ("[]", 1),
        ('{"hook_event_name":"PostToolUse"}', 1),
        ('{"hook_event_name":"X"}', 0),
    ],
)
def test_an_event_that_is_none_breaks_nothing(claude, event, lines):
    """Whatever comes on standard input: silence, exit 0, and a line in the log; an event of another name is none of ours."""
    assert silent(claude.raw(claude.order(Moment.TOOL), event))

    log = claude.log.read_text(encoding="utf-8")
    assert (len(log.splitlines()), "\x1b" in log) == (lines, False)


@pytest.mark.skipif(os.name == "nt", reason="shell and devices of POSIX")
def test_even_without_input_home_or_log_it_is_silent(claude):
    """Standard input that is closed, a home that is a file, a log on a full disk: silence and exit 0."""
    order = claude.order(Moment.TOOL)
    assert silent(claude.raw(f"{order} <&-", ""))

    no_home = claude.team.folder / "no-home"
    no_home.write_text("")
    assert silent(claude.call("tool", order=order.replace(claude.arguments[5], str(no_home))))

    claude.log.unlink()
    claude.log.symlink_to("/dev/full")
    assert silent(claude.raw(order, "garbage"))


def test_without_a_bus_the_host_is_left_in_peace(claude):
    """No bus, an agent that never joined, another one's key, a key that others can read, settings that are no TOML: silent, exit 0, and one line in the log each."""
    bus = claude.team.folder / "bus"
    claude.call("tool")
    order = claude.order(Moment.TOOL)
    for old, new in (("--agent worker", "--agent nobody"), (str(bus), "/nowhere")):
        assert silent(claude.call("tool", order=order.replace(old, new)))
    (claude.team.folder / "somabus.toml").write_text("bus = [")
    assert silent(claude.call("tool", session="no TOML"))
    (claude.team.folder / "somabus.toml").unlink()
    (key,) = (claude.team.folder / "home").glob("buses/*/worker/key")
    key.chmod(0o644)
    assert silent(claude.call("tool", session="open key"))
    key.write_text("garbage")
    key.chmod(0o600)
    assert silent(claude.call("tool", session="damaged key"))
    key.unlink()
    assert silent(claude.call("tool", session="another key"))

    lines = claude.log.read_text(encoding="utf-8").splitlines()
    assert [line(each.split(" ", 2)[2], 200).split(":")[0] for each in lines] == [
        "NotJoinedError", "NotABusError", "ConfigurationError",
        *(["UnsafeKeyError"] if os.name == "posix" else []), "ConfigurationError", "NameTakenError",
    ]  # fmt: skip


def test_a_vanished_drive_is_not_waited_for_at_every_call(claude):
    """While the drive is gone, hooks are silent, end with 0, log a line, and look for it now and then, not at every use of a tool; once it is back, the next call tells."""
    claude.team.agent("coordinator").send("worker", "x")
    bus, away = claude.team.folder / "bus", claude.team.folder / "away"
    bus.rename(away)
    for moment in ("tool", "tool", "stop", "tool"):
        assert silent(claude.call(moment))
    (said,) = claude.log.read_text(encoding="utf-8").splitlines()
    assert "StoreUnavailableError: could not look" in said
    away.rename(bus)

    assert not silent(claude.call("tool"))


@pytest.mark.parametrize("words", [["nosuch-host"], ["claude-code", "--nosuch"], ["claude-code", "--wait=x"]])
def test_a_wrong_command_line_is_no_word_to_the_model(claude, words):
    """A hook that an older or newer version has installed is silent and ends with 0: exit 2 would block or wake a session, again and again. The log has the command line."""
    order = shlex.join([sys.executable, "-m", "somabus", "hook", *words, *claude.arguments])

    assert silent(claude.call("stop", order=order))

    assert " ".join(words) in claude.log.read_text(encoding="utf-8")


def test_inside_cursor_the_hooks_of_claude_code_are_silent(claude):
    """Cursor runs the hooks of Claude Code as well as its own: one of the two tells."""
    claude.team.agent("coordinator").send("worker", "x")
    order = f"CURSOR_VERSION=2.4 {claude.order(Moment.TOOL)}"

    assert silent(claude.call("tool", order=order))
    assert not silent(claude.call("tool"))


def test_a_stop_of_the_humans_does_not_silence_the_hook(claude):
    """P12: under a STOP the hook goes on telling: looking is allowed, and the model should hear of it."""
    claude.team.agent("coordinator").send("worker", "x")
    (claude.team.folder / "bus" / "STOP").write_text("")

    assert not silent(claude.call("tool"))


# -- several at once -----------------------------------------------------------------------------------------------


def test_of_several_hooks_at_once_one_tells(claude):
    """Tools that end at the same moment call several hooks of one session: one of them tells, the others are silent."""
    claude.team.agent("coordinator").send("worker", "x")

    hooks = [started(claude, claude.order(Moment.TOOL), claude.event("tool")) for _ in range(4)]

    said = [hook.communicate(timeout=DEADLINE_S) for hook in hooks]
    assert [hook.returncode for hook in hooks] == [0] * 4
    assert len([out for out, _ in said if out]) == 1
    assert [err for _, err in said if err] == []
    assert silent(claude.call("tool"))


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


# -- the glance ----------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("what", ["mail", "post", "subscription"])
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
    glance.remember(where, [], event, {})
    assert glance.nothing_moved(where, [], event)
    assert not glance.nothing_moved(where, ["--agent", "other"], event)

    (file,) = tmp_path.iterdir()
    for at in (-1e9, 1e12):
        file.write_text(json.dumps({"at": at, "folders": {}}))
        assert not glance.nothing_moved(where, [], event)
    file.write_text("garbage")
    assert not glance.nothing_moved(where, [], event)


def test_what_can_be_pasted_is_what_would_be_installed(claude):
    """`hooks show` prints the settings as they would be written into an empty file."""
    shown = snippet(HOSTS["claude-code"], claude.arguments)

    assert shown == json.loads(claude.settings.read_text(encoding="utf-8"))
