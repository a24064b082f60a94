"""Real processes: what a shell, cron or a service manager sees of the command."""

import json
import signal
import subprocess
import sys
import threading

import pytest

from somabus import Agent
from somabus.store.directory import DirectoryStore
from tests.surfaces.shell import environment, fresh, process

DEADLINE_S = 20


@pytest.fixture
def running(team):
    """Start `run` for planner and return the process once its first beat is reported."""
    started = []

    def start(*order):
        child = subprocess.Popen(
            process("run", "--agent", "planner", "--json", *order),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip
        started.append((child, watchdog := threading.Timer(DEADLINE_S, child.kill)))
        watchdog.start()
        first = child.stdout.readline()  # the handlers for signals are in place
        return child, first

    yield start
    for child, watchdog in started:
        watchdog.cancel()
        child.kill()
        child.communicate()


def wait_for(agent, bus, deadline_s=DEADLINE_S):
    """Return the next message for an agent, woken by the store's own hints."""
    store = DirectoryStore(str(bus), writer="test", marker="somabus.json")
    for _ in range(deadline_s):
        delivery = agent.inbox.claim()
        if delivery is not None:
            delivery.ack()
            return delivery.message
        store.wait(f"messages/{agent.name}/inbox", 1.0)
    pytest.fail(f"no mail for {agent.name} in {deadline_s} s")


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there: test_signals.py has its console")
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)], ids=lambda number: number.name
)
def test_run_answers_mail_as_it_comes_and_ends_when_told(team, running, number):
    """`run` beats, answers a message that arrives between two beats, and ends on SIGTERM and Ctrl-C with exit 0."""
    child, first = running("--every", "1h")
    scout = Agent("scout", team.bus)

    asked = scout.send("planner", "ping", kind="echo")
    answer = wait_for(scout, team.bus)
    child.send_signal(number)
    code = child.wait(DEADLINE_S)

    assert json.loads(first)["outcome"] == "ok"
    assert answer.reply_to == asked.id
    assert code == 0


@pytest.mark.slow
def test_run_reports_each_beat_as_one_line_of_json(team, running):
    """With --json, `run` writes one JSON object a beat, at the moment of the beat, for the one who reads its output."""
    child, first = running("--every", "1s")

    second = child.stdout.readline()

    assert [json.loads(line)["number"] for line in (first, second)] == [1, 2]


def test_run_refuses_a_bad_script_before_it_stays(team, home):
    """A service with a broken script ends at once with exit 2, and does not run on without handlers."""
    (home / "broken.py").write_text("raise RuntimeError('boom')")

    answer = fresh("run", "--script", "broken.py")

    assert answer.code == 2
    assert "boom" in answer.err


def test_a_pipe_feeds_a_message(team):
    """`echo body | somabus send planner -` sends what came through the pipe."""
    answer = fresh("send", "planner", "-", stdin="from a pipe\nünïcode\n")

    assert answer.code == 0, answer
    assert team("read", "--agent", "planner", "--json").json["message"]["body"] == "from a pipe\nünïcode\n"


@pytest.mark.slow
def test_a_pipe_feeds_a_reply(team):
    """`somabus reply ID -` answers with what came through the pipe."""
    question = team.send("?")

    answer = fresh("reply", question[-12:], "-", "--agent", "planner", stdin="piped answer")

    assert answer.code == 0, answer
    assert team("read", "--json").json["message"]["body"] == "piped answer"


def test_exit_codes_reach_the_shell(team):
    """`somabus due && somabus beat` works as it reads: the process's own exit code is the documented one."""
    team("beat")

    assert [fresh(order).code for order in ("due", "inbox", "beat")] == [3, 3, 0]


def test_a_reader_that_goes_away_is_no_traceback(team):
    """`somabus inbox | head -0` ends quietly."""
    team.send("hello", to="scout")
    child = subprocess.Popen(process("inbox"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    child.stdout.close()

    errors = child.stderr.read()
    child.stderr.close()
    child.wait(DEADLINE_S)

    assert b"Traceback" not in errors


def test_a_terminal_of_plain_ascii_is_no_traceback(team):
    """On a machine whose terminal cannot show every character (cron's LANG=C), mail is printed all the same."""
    team.send("grüße → ✓", to="scout")

    done = subprocess.run(
        process("read"), capture_output=True, timeout=DEADLINE_S,
        env={**environment(), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"},
    )  # fmt: skip

    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert done.returncode == 0


def test_help_starts_without_the_heavy_libraries(home):
    """Asking for help loads neither table printer, nor file watcher, nor cron: it answers at once."""
    code = (
        "import sys; from somabus.cli.group import cli\n"
        "cli(['send', '--help'], standalone_mode=False); print(*sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())

    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded & {"rich", "watchdog", "croniter", "filelock", "nacl"} == set()
    assert "somabus" in loaded


@pytest.mark.slow
def test_the_demo_proves_the_main_job_with_five_processes(home):
    """`somabus demo` plays six scenes on a bus of its own, all of them happen, and nothing is left behind."""
    answer = fresh("demo", "--json")

    assert answer.code == 0, answer
    assert answer.json["ok"] is True
    assert len(answer.json["scenes"]) == 6
    assert all(scene["ok"] for scene in answer.json["scenes"])
