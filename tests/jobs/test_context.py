"""What a handler may use besides its steps: mail, what it is told, progress, log, files, and the budget of its tree."""

import os
import threading
import time
from datetime import timedelta

import pytest

from somabus.errors import JobRefusedError, MessageTooLargeError, ReferenceNotFoundError, StoreDamagedError
from somabus.jobs.aside import MAX_LINES
from somabus.model import tree
from somabus.model.ticket import JobState

HOUR = timedelta(hours=1)


def test_a_message_is_sent_once_however_often_its_line_is_reached(yard):
    """A job that is tried three times tells its submitter each thing once."""

    def talks(ctx):
        ctx.message("begun")
        if ctx.attempt < 3:
            raise RuntimeError
        ctx.message("done")

    yard.scout.submit("talks")
    worker = yard.worker(handlers={"talks": talks})
    for _ in range(3):
        worker.drain()
        yard.clock.advance(hours=1)

    heard = []
    for delivery in yard.scout.inbox.drain():
        with delivery as message:
            heard.append((message.body, message.subject[:4]))
    assert heard == [("begun", "job "), ("done", "job ")]


def test_a_job_hears_what_it_is_told_and_by_whom(yard):
    """What was said before and while it runs, each once, in order, with the sender that the signature proves."""
    heard = []

    def listens(ctx):
        heard.extend((each.body, each.sender.split(" ")[0]) for each in ctx.inbox())
        yard.agent("other").jobs.tell(job, "second")
        heard.extend((each.body, each.sender.split(" ")[0]) for each in ctx.inbox())
        assert ctx.inbox() == ()

    job = yard.scout.submit("listens")
    yard.scout.jobs.tell(job, "first", {"n": 1})
    yard.worker(handlers={"listens": listens}).drain()

    assert heard == [("first", "scout"), ("second", "other")]


@pytest.mark.parametrize("how", ["edited", "to another job", "unsigned", "torn"])
def test_a_job_hears_nobody_whose_words_are_not_proven(yard, how):
    """What was changed on the drive, or said to another job, is not heard; what comes after it is."""
    job, other = yard.scout.submit("listens"), yard.scout.submit("noop")
    yard.scout.jobs.tell(other, "obey")
    folder = f"queues/default/runs/{other.id}/said"
    (segment,) = yard.store.list(folder)
    (name,) = yard.store.list(f"{folder}/{segment}")
    raw = yard.store.read(f"{folder}/{segment}/{name}")
    made = {
        "edited": raw.replace(b"obey", b"OBEY").replace(other.id.encode(), job.id.encode()), "to another job": raw,
        "unsigned": raw.partition(b"\n")[0], "torn": raw[:40],
    }[how]  # fmt: skip
    yard.store.create(f"queues/default/runs/{job.id}/said/{segment}/{name}", made)
    yard.scout.jobs.tell(job, "true")

    heard = []
    yard.worker(handlers={"listens": lambda ctx: heard.extend(each.body for each in ctx.inbox())}).drain()

    assert heard == ["true"]
    assert yard.state(job) is JobState.COMPLETED


def test_a_tree_spends_no_more_than_its_root_may(yard):
    """Parent and children count together, whatever a child says of itself; over it, the job has failed for good."""

    def spends(ctx):
        ctx.spend(tokens=40, money=1.0)
        if ctx.job.depth < 2:
            ctx.submit("spends", budget={"tokens": 1e9}, on_failure="ignore")
        return [str(each.state) for each in ctx.gather()]

    root = yard.scout.submit("spends", budget={"tokens": 100.0}, max_attempts=9)
    worker = yard.worker(handlers={"spends": lambda ctx: ctx.step("once", lambda: None) or spends(ctx)})
    worker.drain()

    failed = yard.scout.jobs.all(state=JobState.FAILED)
    assert failed
    assert "may spend 100 tokens" in yard.why(str(failed[0].address))
    assert yard.scout.jobs.file(root).spent["tokens"] <= 100


def test_of_two_who_spend_at_once_one_is_told_of_the_other(yard):
    """The sum is never more than what may be spent, and nothing is counted of what was refused."""
    told = []

    def spends(ctx):
        if ctx.data["n"] == 1:
            other.one()
        try:
            ctx.spend(money=60.0)
        except Exception as error:
            told.append(str(error))
            raise

    root = yard.scout.submit("aggregate", children=2, budget={"money": 100.0})
    for n in (1, 2):
        yard.scout.submit("spends", {"n": n}, parent=root.address, on_failure="ignore")
    worker, other = (yard.worker(name, handlers={"spends": spends}) for name in ("planner", "other"))
    worker.drain()

    assert len(told) == 1
    assert yard.scout.jobs.file(root).spent == {"money": 60.0}


@pytest.mark.parametrize("amount", [-50.0, float("nan"), float("-inf")])
def test_nobody_earns_by_spending(yard, amount):
    """What is spent is more than nothing: a job cannot give its tree more than it may have."""

    def spends(ctx):
        ctx.spend(money=amount)

    job = yard.scout.submit("spends", budget={"money": 10.0}, max_attempts=1)
    yard.worker(handlers={"spends": spends}).drain()

    assert yard.state(job) is JobState.FAILED
    assert yard.scout.jobs.file(job).spent == {}


def test_progress_log_and_files_lie_beside_the_job(yard):
    """What a handler says for people is there while it runs and afterwards; a file of a name lies there once."""

    def works(ctx):
        ctx.progress(0.5, "half")
        ctx.log("one")
        ctx.log("two")
        return [ctx.attach("plan", b"x"), ctx.attach("plan", b"x")]

    job = yard.scout.submit("works")
    yard.worker(handlers={"works": works}).drain()

    file = yard.scout.jobs.file(job)
    assert (file.progress.fraction, file.progress.note, file.progress.by) == (0.5, "half", "planner")
    assert yard.scout.jobs.log(job) == ["one", "two"]
    assert len(set(yard.scout.jobs.outcome(job).result)) == 1


def test_what_is_attached_comes_out_again(yard):
    """Every name is listed with its size and read back as it was; two names may have the same bytes, and text is text."""

    def attaches(ctx):
        ctx.attach("plan", b"x")
        ctx.attach("copy of it", b"x")
        ctx.attach("words", "déjà vu")

    job = yard.scout.submit("attaches")
    yard.worker(handlers={"attaches": attaches}).drain()

    listed = yard.scout.jobs.attachments(job)
    assert [(each.name, each.size, each.by) for each in listed] == [
        ("copy of it", 1, "planner"), ("plan", 1, "planner"), ("words", 9, "planner"),
    ]  # fmt: skip
    assert listed == yard.scout.jobs.file(job).attachments
    read = {each.name: yard.scout.jobs.attachment(job, each.name) for each in listed}
    assert read == {"copy of it": b"x", "plan": b"x", "words": "déjà vu".encode()}
    with pytest.raises(ReferenceNotFoundError, match="job attachments"):
        yard.scout.jobs.attachment(job, "nosuch")


def test_the_last_of_a_name_counts(yard):
    """A second attempt that attaches something else under a name replaces it; no doubt is left about which it is."""

    def attaches(ctx):
        ctx.attach("plan", f"of attempt {ctx.attempt}")
        if ctx.attempt == 1:
            raise RuntimeError

    job = yard.scout.submit("attaches", backoff=timedelta(0))
    for _ in range(2):
        yard.worker(handlers={"attaches": attaches}).drain()
        yard.clock.advance(hours=1)

    assert yard.scout.jobs.attachment(job, "plan") == b"of attempt 2"
    assert len(yard.scout.jobs.attachments(job)) == 1


def test_an_attachment_that_was_changed_is_not_handed_out(yard):
    """What lies on the drive under an attachment's digest and is something else is refused."""
    job = yard.scout.submit("attaches")
    yard.worker(handlers={"attaches": lambda ctx: ctx.attach("plan", b"x")}).drain()
    (record,) = yard.scout.jobs.attachments(job)
    yard.store.replace(tree.run("default", job.id, f"files/{record.sha256}"), b"y")

    with pytest.raises(StoreDamagedError):
        yard.scout.jobs.attachment(job, "plan")


def test_a_log_has_an_end(yard, monkeypatch):
    """A handler that logs for ever fills no drive: the last line that fits says so, over all attempts, and no line costs a listing."""
    listings = []

    def logs(ctx):
        listed = yard.store.list
        monkeypatch.setattr(yard.store, "list", lambda *order: listings.append(order[0]) or listed(*order))
        for number in range(MAX_LINES // 2 + 100):
            ctx.log(f"line {number}")
        monkeypatch.undo()
        if ctx.attempt == 1:
            raise RuntimeError

    job = yard.scout.submit("logs", backoff=timedelta(0))
    for _ in range(2):
        yard.worker(handlers={"logs": logs}).drain()
        yard.clock.advance(hours=1)

    lines = yard.scout.jobs.log(job)
    assert (len(lines), lines[-1]) == (MAX_LINES, "the log is full: a job may write 1,000 lines")
    assert len([each for each in listings if "/log" in each]) < 20


@pytest.mark.parametrize("data", [{"n": float("inf")}, {"n": object()}, {"n": "x" * 300_000}])
def test_data_that_cannot_be_written_is_refused(yard, data):
    """The submit says so, and nothing is on the drive."""
    with pytest.raises((JobRefusedError, MessageTooLargeError)):
        yard.scout.submit("note", data)

    assert sum(yard.scout.jobs.stats().counts.values()) == 0


@pytest.mark.skipif(os.name != "posix", reason="a process group is killed")
def test_a_command_ends_with_its_job(yard, tmp_path):
    """A shell command is killed, with all that it started, when its job is cancelled; what it did is in doubt and not repeated."""
    from somabus.jobs.builtin import shell

    began, survived = tmp_path / "began", tmp_path / "survived"
    command = f"touch {began}; (sleep 1; touch {survived}) & wait"
    job = yard.scout.submit("command", {"command": command})
    stopping = threading.Thread(target=lambda: (wait_for(began), yard.scout.jobs.cancel(job)))
    stopping.start()
    yard.worker(handlers={"command": shell}).drain()
    stopping.join()

    assert yard.scout.jobs.find(job).state is JobState.CANCELLED
    assert not survived.exists()
    ((_, page),) = yard.scout.jobs.file(job).steps.items()
    assert page.in_doubt


def wait_for(path, deadline_s=20.0):
    """Wait until a file is there."""
    until = time.monotonic() + deadline_s
    while not path.exists():
        assert time.monotonic() < until
        threading.Event().wait(0.01)
