"""The commands for jobs, as a person and as a program use them: submit, work, jobs, job."""

import json
import signal
import subprocess
import sys
import threading

import pytest

from somabus import Agent
from somabus.cli.output import Exit
from somabus.clock import SystemClock
from somabus.model.envelope import Seal, seal_body, split
from tests.surfaces.shell import environment, fresh, process

HANDLERS = """
import threading, pathlib

def setup(agent):
    @agent.handler("report")
    def report(ctx):
        page = ctx.step("fetch", lambda: ctx.data["page"])
        ctx.log(f"fetched {page}")
        ctx.progress(0.5, "half")
        heard = [each.body for each in ctx.inbox()]
        return {"page": page, "heard": heard}

    @agent.handler("slow")
    def slow(ctx):
        pathlib.Path("begun").touch()
        while not pathlib.Path("go").exists():
            threading.Event().wait(0.02)
        return "whole"

    agent.handler("doubt")(lambda ctx: ctx.step("pay", die))

def die():
    raise KeyboardInterrupt
"""


@pytest.fixture
def work(team, home):
    """A team with a file of handlers, and a function that runs what waits in a queue."""
    (home / "handlers.py").write_text(HANDLERS)
    return lambda queue="default", *more: team(
        "work", "--queue", queue, "--handlers", "handlers.py", "--until-empty", *more
    )


def submit(team, *order):
    """Submit a job, and return its address."""
    return team("submit", *order, "--json").json["address"]


def show(team, job):
    """What a program reads of a job."""
    return team("job", job, "--json").json


# -- submit -------------------------------------------------------------------------------------------------------


def test_the_receipt_says_whether_anybody_takes_it(team, work):
    """A job that no live worker takes is accepted; the receipt says so, and how to start one."""
    answer = team("submit", "report", "--data", '{"page": 7}', "--queue", "web")

    assert answer.code == Exit.DONE
    assert "is waiting; no live worker takes it: start one with somabus work --queue web" in answer.out
    assert team("submit", "report", "--json").json["receipt"]["workers"] == 0


def test_every_option_is_in_the_job(team):
    """What is asked for at the command line stands in the sealed job, span by span and key by key."""
    first = submit(team, "echo")
    options = (
        "--queue web --priority high --note why --delay 10m --key k --on-duplicate coalesce --on-failure ignore "
        "--max-attempts 3 --max-stalled 2 --backoff 5s --backoff-cap 1m --timeout 10m --begin-within 1h --end-within 1d "
        "--tag gpu --tag big --skill search --worker planner --slots gpu=2 --rate api=10/1m --quiet 22:00-07:00@UTC "
        "--max-waiting 5 --budget tokens=5000 --budget money=1.5"
    )

    spec = show(team, submit(team, "echo", *options.split(), "--depends-on", first))["job"]["spec"]

    expected = {
        "queue": "web", "priority": "high", "note": "why", "key": "k", "on_failure": "ignore", "max_attempts": 3,
        "max_stalled": 2, "backoff_s": 5, "backoff_cap_s": 60, "timeout_s": 600, "tags": ["gpu", "big"],
        "skills": ["search"], "worker": "planner", "slots": {"key": "gpu", "count": 2},
        "rate": {"key": "api", "count": 10, "window_s": 60},
        "quiet": {"begins": "22:00", "ends": "07:00", "zone": "UTC"}, "budget": {"tokens": 5000, "money": 1.5},
        "depends_on": [first], "sender": "scout",
    }  # fmt: skip
    assert {name: spec[name] for name in expected} == expected
    assert (spec["not_before"] > spec["created_at"], spec["end_by"] > spec["begin_by"]) == (True, True)


@pytest.mark.parametrize("how", ["text", "file", "stdin"])
def test_data_comes_from_the_line_a_file_or_a_pipe(team, home, how):
    """--data takes a JSON object, a file with one behind an @, and - for standard input."""
    data = '{"page": 7}'
    (home / "data.json").write_text(data)
    given = {"text": data, "file": "@data.json", "stdin": "-"}[how]

    answer = team("submit", "echo", "--data", given, "--json", stdin=data if how == "stdin" else None)

    assert show(team, answer.json["address"])["job"]["spec"]["data"] == {"page": 7}


@pytest.mark.parametrize(
    ("order", "code", "said"),
    [
        ("--data [1]", Exit.USAGE, "write a JSON object"),
        ("--data @nosuch.json", Exit.USAGE, "nosuch.json"),
        ("--slots gpu", Exit.USAGE, "--slots gpu=2"),
        ("--rate api=10", Exit.USAGE, "--rate api=10/1m"),
        ("--rate api=10/soon", Exit.USAGE, "is no duration"),
        ("--quiet 22-7", Exit.USAGE, "--quiet 22:00-07:00"),
        ("--budget tokens", Exit.USAGE, "--budget tokens=50000"),
        ("--delay soon", Exit.USAGE, "is no duration"),
        ("--quiet 25:00-07:00", Exit.REFUSED, "25:00"),
        ("--quiet 22:00-07:00@Europe/Nowhere", Exit.REFUSED, "Europe/Nowhere"),
        ("--depends-on web/01a1f9de-1d99-72bc-bdf7-9a7b3e80730a", Exit.REFUSED, "there is no such job"),
        ("--parent web/7", Exit.REFUSED, "web/7"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_submitted(team, order, code, said):
    """A wrong option is exit 2 and shows how it is written; a job that breaks a rule is exit 5. Nothing was submitted."""
    answer = team("submit", "echo", *order.split())

    assert (answer.code, said in answer.err) == (code, True), answer
    assert team("jobs").code == Exit.NOTHING


def test_a_full_queue_refuses(team):
    """--max-waiting refuses a job, exit 5, if so many wait, and says what to do."""
    submit(team, "echo", "--queue", "web")

    answer = team("submit", "echo", "--queue", "web", "--max-waiting", "1")

    assert (answer.code, "start another worker" in answer.err) == (Exit.REFUSED, True)


# -- work ---------------------------------------------------------------------------------------------------------


def test_work_says_a_line_for_each_job(team, work):
    """Whoever watches a worker sees what it took and what became of it; a program reads one JSON object a line."""
    job = submit(team, "report", "--data", '{"page": 7}')
    bad = submit(team, "report", "--max-attempts", "1")

    answer = work("default", "--json")

    said = [json.loads(line) for line in answer.out.splitlines()]
    assert said[:-1] == [
        {"job": job, "state": "completed", "said": "completed"},
        {"job": bad, "state": "failed", "said": "failed: KeyError: 'page' (handlers.py:7)"},
    ]
    assert (said[-1]["queue"], said[-1]["attempts"]) == ("default", 2)
    assert f"job failed: {bad} (KeyError: 'page')" in answer.err
    assert work().out.startswith("0 attempts")


STATES = """
def setup(agent):
    agent.handler("ask")(lambda ctx: ctx.park("which colour?"))
    agent.handler("vain")(lambda ctx: ctx.give_up("pointless"))
    agent.handler("dear")(lambda ctx: ctx.spend(tokens=30))
    agent.handler("pair")(lambda ctx: [ctx.submit("echo"), ctx.gather()] and None)
    agent.handler("family")(lambda ctx: [ctx.submit("vain", queue="else"), ctx.gather()])
"""


@pytest.mark.parametrize(
    ("order", "state", "said"),
    [
        (["ask"], "paused", "paused: which colour?"),
        (["vain"], "failed", "failed: pointless"),
        (["family"], "waiting-children", "waits for its children"),
        (["dear", "--budget", "tokens=25"], "failed", "may spend 25 tokens, has spent 0, and 30 more were asked"),
    ],
)
def test_a_workers_line_says_in_which_state_a_job_is(team, work, home, order, state, said):
    """Whoever watches reads what became of a job, and why; a program reads its state."""
    (home / "handlers.py").write_text(STATES)
    job = submit(team, *order)

    line, *_ = work("default", "--json").out.splitlines()

    facts = json.loads(line)
    assert (facts["job"], facts["state"], facts["said"].endswith(said)) == (job, state, True), facts


def test_a_worker_that_is_told_to_end_at_once_says_which_step_waits(team, work):
    """Its last line names the job that was given back, and the word that the step in hand waits for."""
    job = submit(team, "doubt")

    said = f"step 1 was cut off, and waits for your word: somabus job step {job} 1 --again, or --done JSON\n"
    assert work().out.endswith(f"{job} given back: it is waiting; {said}")


def test_a_worker_of_a_queue_to_which_nobody_submitted_says_so(team, work):
    """A typo is seen at the start; the queue that it makes is in no list."""
    submit(team, "echo", "--queue", "web")

    assert "nothing was submitted to wbe yet; there are: web" in work("wbe").err
    assert "nothing was submitted" not in work("web").err
    for order in (["jobs"], ["jobs", "stats"]):
        assert "wbe" not in team(*order).out
    assert team("jobs", "mial").err.rstrip().endswith("'mial'; there are: web")


def test_only_a_worker_with_the_handler_and_the_tags_takes_a_job(team, work):
    """What a worker cannot run it leaves for others, and `jobs stats` says that none takes it."""
    submit(team, "report", "--data", '{"page": 7}', "--tag", "gpu")
    submit(team, "echo")

    assert "1 attempt" in work().out
    assert "1 attempt" in work("default", "--tag", "gpu").out


def test_a_worker_leaves_no_trace_of_itself(team, work):
    """A worker that has ended is not taken for one that lives."""
    work()

    assert team("jobs", "stats", "default", "--json").json["queues"][0]["workers"] == []


@pytest.mark.parametrize(
    ("text", "said"), [("\n1 / 0", "in line 2: ZeroDivisionError"), ("x = 1", "no function setup(agent)")]
)
def test_a_file_of_handlers_that_is_none_is_told_by_its_name(team, home, text, said):
    """A broken file of handlers is exit 2 before anything is taken."""
    (home / "broken.py").write_text(text)

    answer = team("work", "--handlers", "broken.py", "--until-empty")

    assert (answer.code, "broken.py" in answer.err, said in answer.err) == (Exit.USAGE, True, True)
    assert team("work", "--handlers", "nosuch.py", "--until-empty").code == Exit.USAGE


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_worker_that_is_told_to_end_ends_its_job_first(team, work, home, name):
    """On SIGTERM, Ctrl-C and a closed terminal the job in hand is ended, no other is begun, and the exit code is 0."""
    first, second = submit(team, "slow"), submit(team, "echo")
    order = process("work", "--handlers", "handlers.py", "--json")
    worker = subprocess.Popen(order, env=environment(), stdout=subprocess.PIPE, text=True)
    watchdog = threading.Timer(60, worker.kill)
    watchdog.start()
    until((home / "begun").exists)

    worker.send_signal(getattr(signal, name))
    (home / "go").touch()
    out, _ = worker.communicate(timeout=60)
    watchdog.cancel()

    assert worker.returncode == 0
    assert [json.loads(line).get("said") for line in out.splitlines()] == ["completed", None]
    assert show(team, first)["outcome"]["result"] == "whole"
    assert show(team, second)["job"]["state"] == "waiting"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals")
def test_a_second_ctrl_c_gives_the_job_back(team, work, home):
    """The first Ctrl-C says at once what comes; the second gives the job back where it waits, without counting it."""
    job = submit(team, "slow")
    order = process("work", "--handlers", "handlers.py")
    worker = subprocess.Popen(
        order, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    watchdog = threading.Timer(60, worker.kill)
    watchdog.start()
    until((home / "begun").exists)

    worker.send_signal(signal.SIGINT)
    assert worker.stderr.readline() + worker.stderr.readline() == (
        "\nSIGINT: it ends after the job in hand; a second signal gives that back at once\n"
    )
    worker.send_signal(signal.SIGINT)
    out, _ = worker.communicate(timeout=60)
    watchdog.cancel()

    assert (worker.returncode, out) == (Exit.STOPPED, f"{job} given back: it is waiting\n")
    view = show(team, job)["job"]
    assert (view["state"], view["failed"], view["stalled"]) == ("waiting", 0, 0)


def until(there):
    """Wait for what another process brings about."""
    deadline, pause = SystemClock().monotonic() + 60, threading.Event()
    while not there():
        assert SystemClock().monotonic() < deadline
        pause.wait(0.02)


def test_a_worker_that_is_killed_has_its_job_taken_over(team, work, home):
    """After kill -9 another worker has the job when the lease has ended; it has stalled once, and failed never.

    Until then `jobs stats` says when the dead one was seen last; afterwards the history has the claim that came to nothing.
    """
    job = submit(team, "slow")
    order = process("work", "--handlers", "handlers.py", "--lease", "1s")
    with subprocess.Popen(order, env=environment(), stdout=subprocess.DEVNULL) as worker:
        until((home / "begun").exists)
        worker.kill()
    (home / "go").touch()
    head, row, *_ = team("jobs", "stats").out.splitlines()
    assert (head.split()[-1], row.split()[-1]) == ("seen", "ago")

    until(lambda: fresh(*order[3:], "--until-empty").out.startswith(job))

    assert show(team, job)["tries"][-1]["attempt"] == 2
    assert "history   once put off, or its worker vanished" in team("job", job).out
    assert show(team, job)["job"]["state"] == "completed"


# -- jobs ---------------------------------------------------------------------------------------------------------


def test_queues_are_listed_with_what_lies_in_them(team, work):
    """`somabus jobs` counts each queue's jobs by state; with nothing there it is exit 3."""
    assert team("jobs").code == Exit.NOTHING
    for queue, more in (("web", []), ("web", ["--delay", "1h"]), ("mail", [])):
        submit(team, "echo", "--queue", queue, *more)
    work("mail")

    counts = {each["queue"]: each["counts"] for each in team("jobs", "--json").json["queues"]}

    assert (counts["web"]["waiting"], counts["web"]["delayed"], counts["mail"]["completed"]) == (1, 1, 1)
    head, *rows = team("jobs").out.splitlines()
    assert head.split() == ["queue", "waiting", "delayed", "completed", "workers"]
    assert [row.split() for row in rows[:2]] == [["mail", "0", "0", "1", "0"], ["web", "1", "1", "0", "0"]]


def test_the_list_of_a_queue_is_in_the_order_of_service(team):
    """`somabus jobs QUEUE` shows what has not ended, by priority, then age; --state and --limit choose."""
    jobs = {each: submit(team, "echo", "--queue", "web", "--priority", each) for each in ("low", "normal", "urgent")}
    ended = submit(team, "echo", "--queue", "web")
    team("job", "cancel", ended)

    def listed(*order):
        return [each["address"] for each in team("jobs", "web", *order, "--json").json["jobs"]]

    assert listed() == [jobs["urgent"], jobs["normal"], jobs["low"]]
    assert listed("--limit", "1") == [jobs["urgent"]]
    assert listed("--state", "cancelled") == [ended]
    assert team("jobs", "web", "--state", "paused").code == Exit.NOTHING


def test_a_queue_that_is_called_as_a_command_is_can_be_listed(team):
    """`jobs stats` is the command; a queue of that name is listed by `jobs list stats`."""
    job = submit(team, "echo", "--queue", "stats")

    assert [each["address"] for each in team("jobs", "list", "stats", "--json").json["jobs"]] == [job]
    assert "queues" in team("jobs", "stats", "--json").json


def test_stats_say_why_a_queue_stands_still(team, work):
    """`jobs stats` has the numbers, and names the cause with the command that helps."""
    submit(team, "echo", "--queue", "web")

    answer = team("jobs", "stats")

    assert "web: 1 job waits: no worker lives; next: somabus work --queue web" in answer.out
    work("web")
    (web,) = team("jobs", "stats", "web", "--json").json["queues"]
    assert (web["per_hour"], web["causes"], web["counts"]["waiting"]) == (1, [], 0)


def test_what_failed_is_told_of_with_the_next_step(team, work):
    """A job that failed is in `status`, `jobs`, `jobs stats` and `doctor`, each with the command that lists it."""
    submit(team, "report", "--max-attempts", "1", "--queue", "web")
    work("web")

    for order in (["status"], ["jobs"], ["jobs", "stats"]):
        out = team(*order).out
        assert "web: 1 job failed within a day, the last " in out
        assert "next: somabus jobs list web --state failed" in out
    assert "jobs list web --state failed" in team("doctor").out


def test_a_list_without_such_jobs_says_what_there_is_instead(team, work):
    """`jobs QUEUE` of a queue in which all has ended is exit 3 and counts what has, and how it is listed."""
    submit(team, "report", "--max-attempts", "1", "--queue", "web")
    submit(team, "echo", "--queue", "web")
    work("web")

    answer = team("jobs", "web")

    assert answer.code == Exit.NOTHING
    assert answer.out.startswith("no job is open, but 1 completed, 1 failed: somabus jobs list web --state STATE\n")


def test_a_state_without_a_queue_is_looked_for_in_all(team):
    """What waits for a human is found, in whichever queue it is."""
    for queue in ("web", "mail"):
        team("job", "pause", submit(team, "echo", "--queue", queue))

    found = team("jobs", "list", "--state", "paused", "--json").json

    assert [each["address"].partition("/")[0] for each in found["jobs"]] == ["mail", "web"]


# -- job ----------------------------------------------------------------------------------------------------------


def test_a_job_is_shown_with_its_history_and_its_ledger(team, work):
    """`somabus job JOB` says where it is, what it is, how each attempt ended, its steps, its progress and its result."""
    job = submit(team, "report", "--data", '{"page": 7}', "--note", "the seventh")
    team("job", "tell", job, "leave the pictures out", "--agent", "planner")
    work()

    words, facts = team("job", job).out, show(team, job)

    assert [each["event"] for each in facts["tries"]] == ["complete"]
    assert [(each["number"], each["done"]["name"], each["in_doubt"]) for each in facts["steps"]] == [
        (1, "fetch", False)
    ]
    assert facts["outcome"]["result"] == {"page": 7, "heard": ["leave the pictures out"]}
    for part in (
        f"job       {job}",
        "state     completed",
        "note      the seventh",
        "1 fetch: done by scout",
        "50% half",
    ):
        assert part in words
    assert team("job", "log", job, "--json").json["log"] == ["fetched 7"]


def test_an_id_alone_is_one_of_the_default_queue(team):
    """A job of the queue `default` is found by its id."""
    job = submit(team, "echo")

    assert show(team, job.removeprefix("default/"))["job"]["address"] == job


@pytest.mark.parametrize("act", ["show", "log", "cancel", "pause", "resume", "replay"])
@pytest.mark.parametrize("job", ["nosuch", "default/01a1f9de-1d99-72bc-bdf7-9a7b3e80730a", "../x/y"])
def test_a_job_that_is_not_there_is_refused(team, act, job):
    """What is no job is exit 5, and the answer shows the way to those that are."""
    answer = team("job", act, job)

    assert (answer.code, "somabus jobs" in answer.err) == (Exit.REFUSED, True)


def test_pause_resume_cancel_and_replay(team, work):
    """Each act moves the job, is told, and is refused with exit 5 where the job is in no state for it."""
    job, failing = submit(team, "echo"), submit(team, "report", "--max-attempts", "1")

    team("job", "pause", job, "--why", "wait")
    work()
    assert show(team, job)["job"]["state"] == "paused"
    assert team("job", "resume", job).out.startswith(f"{job} goes on: it is waiting")
    assert team("job", "cancel", job, "--json").json["cancelled"] == [job]
    assert team("job", "cancel", job).code == Exit.REFUSED
    assert show(team, failing)["job"]["state"] == "failed"
    team("job", "replay", failing)
    assert show(team, failing)["job"]["state"] == "waiting"
    work()
    anew = team("job", "replay", failing, "--data", '{"page": 8}', "--json").json["receipt"]["id"]
    work()
    assert show(team, anew)["outcome"]["result"]["page"] == 8
    assert show(team, anew)["job"]["spec"]["replay_of"] == failing


def test_a_replay_that_fails_again_at_once_says_what_to_replay_first(team, work, home):
    """A parent whose child failed is not said to be back; the child is named, and after its replay the parent is."""
    (home / "handlers.py").write_text(STATES)
    parent = submit(team, "family")
    work()
    work("else")
    work()
    (child,) = (each["address"] for each in show(team, parent)["children"])

    answer = team("job", "replay", parent)

    assert (answer.code, answer.out.startswith(f"{parent} failed again at once: ")) == (Exit.REFUSED, True)
    assert f"replay first: somabus job replay {child}\n" in answer.out
    assert team("job", "replay", child).out.startswith(f"{child} is back: it is waiting")
    assert team("job", "replay", parent).code == Exit.DONE


def test_children_are_told_with_name_and_state(team, work, home):
    """Whoever looks at a parent sees which child failed."""
    (home / "handlers.py").write_text(STATES)
    parent = submit(team, "family")
    work()
    work("else")

    (child,) = show(team, parent)["children"]
    assert (child["name"], child["state"]) == ("vain", "failed")
    assert f"child     {child['address']} vain failed" in team("job", parent).out


def test_a_parent_that_waited_does_not_look_as_if_its_worker_had_crashed(team, work, home):
    """The history of a healthy gather says first what most likely was."""
    (home / "handlers.py").write_text(STATES)
    parent = submit(team, "pair")
    work()

    assert show(team, parent)["job"]["state"] == "completed"
    assert "history   once put off, waited for its children, or its worker vanished" in team("job", parent).out


def test_a_step_that_a_human_said_is_done_is_told_as_that(team, work):
    """Another agent's word is not taken for the worker's, and a paused job says that nobody waits for one any more."""
    job = doubtful(team, work)
    team("join", "ann")
    team("job", "step", job, "1", "--done", "1", "--agent", "ann")

    out = team("job", job).out
    assert "step      1 pay: done: so said ann" in out
    assert "; step 1 is done since; next: somabus job resume" in out


@pytest.mark.parametrize(("said", "result"), [(["--done", '{"id": 7}'], {"id": 7}), (["--done", "null"], None)])
def test_a_step_that_nobody_knows_about_waits_for_a_word(team, work, said, result):
    """A worker that ends in the middle of a step leaves the job to a human: `job` says what to type, and it goes on with the result that one gives."""
    job = doubtful(team, work)

    words = team("job", job).out
    assert words.count(f"somabus job step {job} 1 --again, or --done JSON") == 2  # why it stands, and beside the step
    team("job", "step", job, "1", *said)
    team("job", "resume", job)
    work()

    assert (show(team, job)["job"]["state"], show(team, job)["outcome"]["result"]) == ("completed", result)


def doubtful(team, work):
    """A job whose only step was begun by a worker that ended."""
    job = submit(team, "doubt")
    work()
    assert show(team, job)["job"]["state"] == "waiting"
    work()
    assert show(team, job)["job"]["state"] == "paused"
    return job


def test_a_resume_without_the_word_is_warned_of(team, work):
    """Whoever lets a job go on whose step is in doubt is told that it will come back, and what to say first."""
    job = doubtful(team, work)

    said = f"for step 1 still waits for your word: somabus job step {job} 1 --again, or --done JSON"
    assert said in team("job", "resume", job).out
    work()
    assert show(team, job)["job"]["state"] == "paused"


def test_a_job_whose_ledger_is_not_believed_can_be_looked_at(team, work):
    """A page of the ledger that nobody sealed does not hide the job: it is shown, with what is wrong with the page."""
    job = doubtful(team, work)
    (page,) = team.bus.glob("queues/default/runs/*/steps/*")
    page.write_bytes(page.read_bytes().replace(b'"pay"', b'"gay"'))

    answer = team("job", job)
    assert (answer.code, "state     paused" in answer.out) == (Exit.DONE, True)
    assert "ledger    not trusted: " in answer.out


def test_a_step_may_be_taken_again_by_a_humans_word(team, work, home):
    """--again lets the next attempt take the step once more."""
    job = doubtful(team, work)
    (home / "handlers.py").write_text(HANDLERS.replace("raise KeyboardInterrupt", "return 'paid'"))

    team("job", "step", job, "1", "--again")
    assert "pay: to be taken again" in team("job", job).out
    team("job", "resume", job)
    work()

    assert show(team, job)["outcome"]["result"] == "paid"


@pytest.mark.parametrize(
    "order", [[], ["--again", "--done", "1"], ["--done", "1,2"], ["--done", "no"], ["--done", '1,"x":2']]
)
def test_a_word_about_a_step_is_one_word(team, order):
    """Neither, both, or what is no JSON value is wrong usage."""
    job = submit(team, "echo")

    assert team("job", "step", job, "1", *order).code == Exit.USAGE


def test_a_step_that_waits_for_no_word_gets_none(team, work):
    """A word about a step that is done, or not there, is refused."""
    job = submit(team, "report", "--data", '{"page": 7}')
    work()

    for number in ("1", "2"):
        assert team("job", "step", job, number, "--again").code == Exit.REFUSED


def test_what_a_job_says_paints_over_nothing(team, work, home):
    """Control characters in a name, a note, an error or a log line do not reach the terminal."""
    (home / "handlers.py").write_text("def setup(agent):\n    agent.handler('bad')(bad)\n"
                                      "def bad(ctx):\n    ctx.log('a\\x1b[31mb')\n    raise ValueError('c\\x1b[31md')\n")  # fmt: skip
    job = submit(team, "bad", "--note", "e\x1b[31mf", "--max-attempts", "1")
    answers = [work(), *(team(*order) for order in (["job", job], ["job", "log", job], ["jobs", "default"]))]

    assert ["\x1b" in each.out + each.err for each in answers] == [False] * 4


# -- what people see ----------------------------------------------------------------------------------------------


def test_a_job_says_why_it_stands(team):
    """`job JOB` says what it waits for and the command that helps, and shows all that was asked for."""
    job = submit(
        team, "gamma", "--tag", "gpu", "--quiet", "22:00-07:00@UTC", "--slots", "gpu=2", "--rate", "api=10/1m",
        "--timeout", "10m", "--budget", "tokens=5000",
    )  # fmt: skip

    words = team("job", job).out
    assert "because   no worker lives; next: somabus work --queue default --tag gpu --handlers FILE.py" in words
    assert (
        "asks for  tags gpu, slots gpu=2, rate api=10/60s, quiet 22:00-07:00@UTC, timeout 600s, budget tokens=5000"
        in words
    )
    assert show(team, job)["cause"]["step"].startswith("somabus work")


def test_a_parked_job_says_what_it_asks(team, work, home):
    """The reason stands in the job, in the list of what is paused, in the stats and in the status."""
    (home / "handlers.py").write_text(
        "def setup(agent):\n    agent.handler('ask')(lambda ctx: ctx.park('which colour?'))\n"
    )
    job = submit(team, "ask")
    work()

    assert f"because   which colour?; next: somabus job resume {job}" in team("job", job).out
    assert "which colour?" in team("jobs", "list", "--state", "paused").out
    for order in (["jobs", "stats"], ["status"]):
        said = "1 job waits for a human: which colour?; next: somabus jobs list default --state paused"
        assert said in team(*order).out


def test_status_says_that_nobody_takes_what_waits(team):
    """`somabus status` is not silent about jobs that nobody takes; a bus without queues has no such line."""
    assert "jobs " not in team("status").out
    submit(team, "gamma", "--queue", "web")

    said = "jobs     web: 1 job waits: no worker lives; next: somabus work --queue web --handlers FILE.py"
    assert said in team("status").out
    assert team("status", "--json").json["jobs"]["web"]["causes"][0]["why"] == "1 job waits: no worker lives"
    for tag in "abcde":
        submit(team, "gamma", "--queue", "web", "--tag", tag)
    lines = [each for each in team("status").out.splitlines() if each.startswith("jobs")]
    assert (len(lines), lines[-1]) == (4, "jobs     web: and 3 causes more: somabus jobs stats web")


def test_a_worker_says_what_it_leaves(team, work):
    """`work --until-empty` ends with how many wait that this worker does not take, and why."""
    submit(team, "ehco")
    submit(team, "echo", "--tag", "gpu")

    out = work().out
    assert out.startswith("0 attempts; 2 jobs wait that this worker does not take: ehco, echo with tag gpu\n")
    assert len(team("work", "--until-empty", "--json").json["left"]) == 1


def test_a_queue_that_is_not_there_is_a_typo(team):
    """`jobs TYPO` and `jobs stats TYPO` are exit 5 and name the queues that there are."""
    submit(team, "echo", "--queue", "web")

    for order in (["jobs", "wbe"], ["jobs", "stats", "wbe"]):
        answer = team(*order)
        assert (answer.code, "'wbe'; there are: web" in answer.err) == (Exit.REFUSED, True), answer


def test_a_failed_attempt_says_whether_it_is_made_again(team, work):
    """The worker's line tells an attempt that is made again, and when, from the last one; the list has the count and the reason."""
    first = submit(team, "report", "--backoff", "1h", "--max-attempts", "2")
    second = submit(team, "report", "--max-attempts", "1")

    out = work().out
    assert f"{first} failed, again in " in out
    assert f"{second} failed: KeyError" in out
    (row,) = [each for each in team("jobs", "list", "--state", "failed").out.splitlines() if second in each]
    assert row.split()[1:3] == ["report", "failed"]
    assert "KeyError: 'page'" in row
    assert team("jobs", "list", "--state", "failed", "--json").json["jobs"][0]["failed"] == 1


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("agent.jobs.cancel(ctx.job.address, 'enough')", "lost: it is cancelled: enough"),
        ("agent.jobs.pause(ctx.job.address, 'later')", "lost: it is paused: later"),
        ("[ctx.check() for _ in iter(int, 1)]", "lost: it is delayed: it took longer than 0.05 s"),
    ],
    ids=["cancelled", "paused", "time up"],
)
def test_a_lost_job_says_how(team, work, home, act, said):
    """A worker whose job was taken from it says by which word."""
    (home / "handlers.py").write_text(
        f"def setup(agent):\n    agent.handler('lose')(lose(agent))\n\n"
        f"def lose(agent):\n    return lambda ctx: ({act}, ctx.check())\n"
    )
    job = submit(team, "lose", "--timeout", "50ms" if "check() for" in act else "1h")

    assert work().out.startswith(f"{job} {said}\n")


def test_what_was_attached_is_listed_and_written(team, work, home):
    """`job attachments` lists names and sizes, prints one as it is, or writes it into a file; what is not there is exit 5."""
    (home / "handlers.py").write_text(
        "def setup(agent):\n    agent.handler('draw')(draw)\n\n"
        "def draw(ctx):\n    ctx.attach('a plan', b'\\x00\\x01')\n    ctx.attach('words', 'h\u00e9llo')\n",
        encoding="utf-8",
    )
    job = submit(team, "draw")
    work()

    assert [row.split()[:3] for row in team("job", "attachments", job).out.splitlines()[1:3]] == [
        ["a", "plan", "2"], ["words", "6", "scout"],
    ]  # fmt: skip
    assert "attached  a plan (2 bytes)" in team("job", job).out
    assert team("job", "attachments", job, "words").out == "h\u00e9llo"
    assert team("job", "attachments", job, "a plan", "--to", "plan.bin").code == Exit.DONE
    assert (home / "plan.bin").read_bytes() == b"\x00\x01"
    assert team("job", "attachments", job, "nosuch").code == Exit.REFUSED
    assert team("job", "attachments", job, "words", "--json").code == Exit.USAGE
    assert team("job", "attachments", job, "words", "--to", "nosuch/x").code == Exit.USAGE


def test_the_end_of_an_id_names_a_job(team, work):
    """Every command for a job takes the end of its id, in whatever queue it lies, and refuses one that is too short."""
    job = submit(team, "echo", "--queue", "web")
    short = job[-12:]

    assert f"job       {job}" in team("job", short).out
    assert team("job", "pause", short).out.startswith(f"{job} is paused")
    assert team("job", "resume", short).out.startswith(f"{job} goes on")
    assert team("job", job[-3:]).code == Exit.REFUSED
    work("web")
    assert "state     completed" in team("job", short).out


def test_what_is_long_is_cut(team, work, home):
    """An error, data or result of a megabyte does not flood the terminal; a program reads it whole."""
    (home / "handlers.py").write_text(
        "def setup(agent):\n    agent.handler('loud')(loud)\n    agent.handler('shout')(shout)\n\n"
        "def loud(ctx):\n    raise ValueError('x\\n' * 100_000)\n\ndef shout(ctx):\n    return 'y' * 100_000\n"
    )
    failing, long = submit(team, "loud", "--max-attempts", "1"), submit(team, "shout")

    answer = work()
    assert len(answer.out + answer.err) < 5_000
    assert len(team("job", failing).out) < 3_000
    assert len(team("job", long).out) < 3_000
    assert len(show(team, long)["outcome"]["result"]) == 100_000


def test_nothing_is_said_to_a_job_with_no_words(team):
    """An empty text is wrong usage, and nothing is said."""
    assert team("job", "tell", submit(team, "echo"), " ").code == Exit.USAGE


def test_the_alerts_are_read_at_the_command_line(team, work):
    """`read --channel alerts` shows what somebody was told of, `channels` lists it, and following it breaks no other channel."""
    assert team("read", "--channel", "alerts").code == Exit.NOTHING
    doubtful(team, work)
    team("post", "arc:wiki", "hello", "--agent", "planner")
    team("subscribe", "arc:wiki")

    assert "alerts" in team("channels").out
    assert "waits for a human" in team("read", "--channel", "alerts").out
    assert team("subscribe", "alerts", "--agent", "planner").code == Exit.DONE
    assert "alerts#1" in team("read", "--channels", "--agent", "planner").out
    team("subscribe", "alerts")
    assert "hello" in team("read", "--channels").out
    assert team("post", "alerts", "fire").code != Exit.DONE


def test_read_says_that_posts_wait(team):
    """With no mail and unread posts, `read` does not say that nothing waits."""
    team("post", "arc:wiki", "hello", "--agent", "planner")
    team("subscribe", "arc:wiki")

    assert team("read").out.startswith("no mail waits; 1 post: somabus read --channels\n")


# -- a protected name ---------------------------------------------------------------------------------------------


def test_the_receipt_says_that_a_protected_job_needs_a_yes(team, work):
    """A job that no worker will run is not welcomed without a word about what it lacks."""
    out = team("submit", "shell", "--note", "how full", "--data", '{"command": ["df"]}').out

    assert "but it runs with an operator's yes alone: ask for one with somabus ask shell --detail 'how full'" in out


def test_a_shell_runs_with_an_approval_of_exactly_this_job(team, work):
    """`shell` runs with an operator's yes to its note and data; another command under the same yes is dead, and did not run."""
    team("operator", "init", "anna", "--no-passphrase")
    data = json.dumps({"command": [sys.executable, "-c", "print('here')"]})
    asked = team("ask", "shell", "--detail", "say here", "--data", data, "--json").json["approval"]
    team("approve", asked)
    other = data.replace("print('here')", "open('ran', 'w')")

    good = submit(team, "shell", "--note", "say here", "--data", data, "--approval", asked)
    bad = [
        submit(team, "shell", "--note", "say here", "--data", other, "--approval", asked),
        submit(team, "shell", "--note", "say here", "--data", data, "--approval", asked),
        submit(team, "shell", "--note", "say here", "--data", data),
    ]
    work()

    assert show(team, good)["outcome"]["result"]["stdout"].strip() == "here"
    assert [show(team, each)["job"]["state"] for each in bad] == ["dead"] * 3
    assert Agent("scout", team.bus, join=False).jobs.stats().counts["dead"] == 3


def test_a_job_that_takes_an_approval_says_whose_word_it_waits_for(team):
    """Until an operator answers, `job` names the request; then, that only the agent it was asked for may run it."""
    team("operator", "init", "anna", "--no-passphrase")
    data = json.dumps({"command": ["true"]})
    asked = team("ask", "shell", "--detail", "x", "--data", data, "--to", "planner", "--json").json["approval"]
    job = submit(team, "shell", "--note", "x", "--data", data, "--approval", asked)

    said = f"because   no operator has answered what it asks for; next: somabus approvals {asked}"
    assert said in team("job", job).out
    team("approve", asked)
    assert "no worker lives; next: somabus --agent planner work --queue default" in team("jobs", "stats").out


def test_a_job_of_an_unknown_zone_stops_no_worker(team, work):
    """A job with quiet hours in a zone that this machine does not know is left to others; those behind it are run."""
    first = submit(team, "echo", "--quiet", "22:00-07:00@Europe/Berlin", "--priority", "high")
    second = submit(team, "echo")
    (file,) = team.bus.glob("queues/default/waiting/3-*")
    body = split(file.read_bytes()).body.replace(b"Europe/Berlin", b"Moon/Tycho")
    signer = Agent("scout", team.bus, join=False).connection.signer
    file.write_bytes(seal_body(body, Seal.JOB, signer.sign))

    assert work().out.startswith(f"{second} completed\n1 attempt")
    assert show(team, first)["job"]["state"] == "waiting"
