"""The public API as a user types it: checked by mypy --strict, never run.

Each function is a thing users do. `assert_type` says what a type checker, and so an editor, knows of the answer.
"""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, assert_type

import somabus
from somabus import (
    Agent,
    Approval,
    Arc,
    BeatReport,
    Channel,
    Counts,
    DeadLetter,
    Delivery,
    Draft,
    GoalReading,
    Heartbeat,
    Inbox,
    Insight,
    JobContext,
    JobDraft,
    Lease,
    Letter,
    Message,
    Peer,
    Post,
    Presence,
    Priority,
    Reading,
    Receipt,
    RetryPolicy,
    SomabusError,
    Stopped,
    Trace,
    Trust,
    create_bus,
)
from somabus.errors import (
    LeaseHeldError,
    LeaseLostError,
    NameTakenError,
    RateLimitError,
    ReferenceNotFoundError,
    StaleVersionError,
    StoreUnavailableError,
    UnknownRecipientError,
)
from somabus.jobs.standstill import Cause

agent = Agent("scout", bus="X:/soma_network")


def joining() -> None:
    """A bus is made once; an agent joins with a path as text or as Path, with or without anything declared."""
    create_bus("X:/soma_network")
    create_bus(Path("bus"), "research", "open", hop_limit=8, staleness_s=0.5)
    Agent("scout", Path("bus"))
    Agent(
        "scout",
        bus="bus",
        every=timedelta(hours=6),
        display_name="The Scout",
        skills=["search", "maps"],
        retry=RetryPolicy(max_attempts=3, base=timedelta(seconds=1), cap=timedelta(minutes=5)),
        lease_for=timedelta(minutes=1),
        durability="full",
        home=Path("home"),
    )
    Agent("scout", "bus", every="0 */6 * * *", skills=("search",))
    assert_type(agent.name, str)
    assert_type(agent.short, str)
    assert_type(somabus.__version__, str)


def sending() -> None:
    """A receipt comes back; it is what trace and withdraw take."""
    receipt = agent.send("planner", "3 leads found", kind="status", data={"n": 3}, priority="high")
    agent.send("planner")
    agent.send("planner", "soon", expires_in=timedelta(days=2), not_before=timedelta(minutes=1), key="k", spool=True)
    agent.send("planner", "again", subject="s", topic="t", reply_to=None, supersedes=receipt.id, priority=Priority.LOW)
    drafts = [Draft("planner", "one"), Draft("planner", body="two", kind="question", priority=Priority.URGENT)]
    assert_type(agent.send_many(drafts), list[Receipt])
    assert_type(agent.send_many(draft for draft in drafts), list[Receipt])

    assert_type(receipt, Receipt)
    assert_type(receipt.id, str)
    assert_type(receipt.sent_at, datetime)
    assert_type(receipt.duplicate, bool)
    assert_type(receipt.spooled, bool)
    assert_type(receipt.silent_since, datetime | None)
    assert_type(receipt.superseded, bool | None)
    assert_type(receipt.unread, int | None)

    trace = agent.trace(receipt)
    assert_type(trace, Trace)
    assert_type(trace.at, datetime | None)
    assert_type(trace.by, str | None)
    assert_type(agent.withdraw(receipt), Trace)
    if trace.state == "done":
        print(trace.day)


def receiving() -> None:
    """A delivery is a context manager around its message; leaving the block acknowledges."""
    for delivery in agent.inbox.drain(
        limit=10, lease_for=timedelta(minutes=1), wanted=lambda message: bool(message.body)
    ):
        with delivery as message:
            assert_type(delivery, Delivery)
            assert_type(message, Message)
            assert_type(delivery.attempt, int)
            assert_type(delivery.generation, int)
            assert_type(delivery.sender, str)
            assert_type(delivery.trust, Trust)
            assert_type(delivery.lease_ends_at, datetime)
            assert_type(delivery.age(), timedelta)
            delivery.extend()
            delivery.extend(timedelta(minutes=5))
            assert_type(delivery.reply("yes"), Receipt)
            delivery.reply("yes", kind="decision", data={"n": 1})
            delivery.reject("why")
        assert_type(delivery.error, BaseException | None)
    assert_type(agent.inbox, Inbox)
    assert_type(agent.inbox.drain(), Iterator[Delivery])


def by_hand() -> None:
    """Claim one, and settle it by its four verbs."""
    delivery = agent.inbox.claim(lease_for=timedelta(minutes=1))
    if delivery is None:
        return
    delivery.ack()
    delivery.nack()
    delivery.nack("not yet", delay=timedelta(minutes=1))
    delivery.release()
    assert_type(agent.inbox.take("an id"), Delivery | None)


def reading(message: Message) -> None:
    """The members of a message, as the format has them."""
    assert_type(message.id, str)
    assert_type(message.kind, str)
    assert_type(message.sender, str)
    assert_type(message.to, tuple[str, ...])
    assert_type(message.created_at, datetime)
    assert_type(message.expires_at, datetime | None)
    assert_type(message.priority, Priority)
    assert_type(message.subject, str)
    assert_type(message.body, str)
    assert_type(message.data, dict[str, Any])
    assert_type(message.topic, str | None)
    assert_type(message.reply_to, str | None)
    assert_type(message.thread, str)
    assert_type(message.hops, int)
    assert_type(message.origin, str)
    assert_type(message.key, str | None)
    assert_type(message.expired(datetime.now().astimezone()), bool)
    assert_type(agent.reply(message, "late answer", data={"n": 1}), Receipt)
    assert_type(agent.find(message.id), Letter | None)


def looking() -> None:
    """Counting and looking take nothing."""
    assert_type(agent.unread, int)
    counts = agent.counts()
    assert_type(counts, Counts)
    assert_type(
        (counts.waiting, counts.delayed, counts.due, counts.claimed, counts.dead), tuple[int, int, int, int, int]
    )
    assert_type(counts.unread, int)
    for letter in agent.inbox.peek(limit=5):
        assert_type(letter, Letter)
        assert_type(letter.fault, str)
        if letter.opened is not None:
            assert_type(letter.opened.message, Message)
            assert_type(letter.opened.sender, str)
    for dead in agent.inbox.dead():
        assert_type(dead, DeadLetter)
        assert_type(dead.detail, str)
        assert_type(dead.at, datetime)
        assert_type(agent.inbox.replay(dead.file), bool)
    assert_type(agent.due(), bool)


def posting() -> None:
    """A post returns a receipt with its address; what it refers to is named by address or id."""
    receipt = agent.post("arc:wiki", "@worker please take the archive", kind="brief", subject="s", data={"n": 1})
    agent.post("general")
    agent.post("arc:wiki", "half of it", reply_to=receipt.address, key="k", refs={"brief": "#1"}, priority="high")
    assert_type(receipt, Receipt)
    assert_type(receipt.address, str | None)
    assert_type(receipt.number, int | None)
    assert_type(receipt.mentioned, tuple[str, ...])
    assert_type(receipt.unknown, tuple[str, ...])
    assert_type(receipt.follows, bool | None)
    assert_type(receipt.parked, bool)
    assert_type(agent.pair("worker", on="arc:wiki"), Receipt)
    assert_type(agent.pair(None, on="arc:wiki"), Receipt)
    assert_type(agent.echo("worker", "1a2b3c4d", {"n": 1}), Receipt)
    agent.echo("worker", short="1a2b3c4d")


def reading_channels() -> None:
    """A reading is iterated over; looking moves nothing until it is marked as read."""
    assert_type(agent.subscribe("arc:wiki"), bool)
    agent.subscribe("general", history=False)
    assert_type(agent.unsubscribe("general"), bool)
    reading = agent.read()
    assert_type(reading, Reading)
    assert_type(len(reading), int)
    assert_type(reading.unread_count, int | None)
    assert_type(reading.notes, tuple[str, ...])
    assert_type(reading.faults, tuple[Post, ...])
    for post in reading:
        assert_type(post, Post)
        assert_type((post.channel, post.number, post.address), tuple[str, int, str])
        assert_type(post.message, Message)
        assert_type(post.sender, str)
        assert_type(post.fault, str)
    agent.read(["general", "arc:wiki"], limit=5)
    agent.peek("arc:wiki", after=17)
    assert_type(agent.mark_read(agent.peek(limit=5)), Reading)
    for channel in agent.channels():
        assert_type(channel, Channel)
        assert_type((channel.name, channel.posts, channel.subscribed), tuple[str, int, bool])
        assert_type(channel.unread, int | None)
        assert_type(channel.last, Post | None)
        assert_type(channel.last_at, datetime | None)
    assert_type(agent.unread_by_channel(), dict[str, int])
    assert_type(agent.wait(60), int | None)
    assert_type(agent.wait(60, above=0), int | None)


def arcs() -> None:
    """An arc says who owes what; its scratchpad has one owner at a time and numbered versions."""
    assert_type(agent.arcs(), tuple[Arc, ...])
    arc = agent.arc("arc:wiki")
    assert_type((arc.name, arc.open, arc.claimed), tuple[str, bool, bool])
    assert_type(arc.owner, str | None)
    assert_type(arc.age, timedelta | None)
    assert_type(arc.pairs, tuple[tuple[str, str], ...])
    assert_type(arc.notes, tuple[str, ...])
    if arc.brief is not None and arc.last is not None:
        assert_type((arc.brief.number, arc.brief.line), tuple[int, str])
        assert_type((arc.last.sender, arc.last.at), tuple[str, datetime])
    pad = arc.scratchpad
    version = pad.read()
    assert_type((version.number, version.text, version.by), tuple[int, str, str])
    assert_type(version.at, datetime | None)
    try:
        pad.write(version.text + "more", based_on=version.number, for_=timedelta(minutes=5))
    except StaleVersionError as error:
        assert_type((error.based_on, error.newest), tuple[int, int])
    assert_type(pad.owner(), str | None)
    assert_type([each.number for each in pad.history()], list[int])
    pad.release()


@agent.tool
def search(query: str, limit: int = 5) -> dict[str, Any]:
    """A tool on whose answer the unread count rides."""
    return {"found": query, "limit": limit}


@agent.tool
async def fetch(url: str) -> dict[str, Any]:
    """An asynchronous tool."""
    return {"url": url}


async def a_tool_keeps_its_type() -> None:
    """A decorated tool is called like the function that was written."""
    assert_type(search("smb", limit=3), dict[str, Any])
    assert_type(await fetch("x"), dict[str, Any])


def sessions() -> None:
    """What a session of a coding agent is told, once."""
    news = agent.announce("a chat")
    assert_type((news.unread, news.mail, news.posts), tuple[int, int, int])
    assert_type(news.letters, tuple[Letter, ...])
    assert_type(news.latest, tuple[Post, ...])
    if news:
        print(news)
    later = agent.wait_news("a chat", 60)
    if later is not None:
        print(later.unread)
    agent.forget_session("a chat")
    assert_type(agent.folders(), tuple[str, ...])


def sharing() -> None:
    """Insights go to everybody, now or with the next beat."""
    assert_type(agent.share(Insight(topic="smb", statement="links hold", confidence=0.8)), int)
    agent.learn("smb", "links hold")
    agent.learn("smb", "links hold", 0.8)


def own_routine() -> None:
    """An agent knows its cadence, and what it wrote at its last beat, if it ever beat."""
    assert_type(agent.schedule.text, str)
    assert_type(agent.heartbeat(), Heartbeat | None)


def peers() -> None:
    """Everybody, with the verdict and what they last said."""
    for peer in agent.peers():
        assert_type(peer, Peer)
        assert_type(peer.name, str)
        assert_type(peer.short, str)
        assert_type(peer.fault, str)
        assert_type(peer.presence, Presence | None)
        assert_type(peer.last_seen, datetime | None)
        assert_type(peer.heartbeat, Heartbeat | None)
        if peer.heartbeat is not None:
            assert_type(peer.heartbeat.unread, int | None)
            assert_type(peer.heartbeat.beat.finished_at, datetime | None)
        if peer.card is not None:
            assert_type(peer.card.skills, tuple[str, ...])
        match peer.presence:
            case Presence.SILENT | Presence.SKEWED:
                print(peer)
            case Presence.ON_TIME | Presence.LATE | Presence.STOPPED | None:
                pass


def leases() -> None:
    """A lease is a context manager; its generation fences what is written under it."""
    try:
        with agent.lease("deploy", for_=timedelta(minutes=10)) as lease:
            assert_type(lease, Lease)
            assert_type(lease.generation, int)
            assert_type(lease.name, str)
            lease.extend(timedelta(minutes=10))
            lease.check()
    except LeaseHeldError as error:
        assert_type(error.holder, str)
        assert_type(error.ends_at, datetime)
    except LeaseLostError as error:
        assert_type(error.generation, int)
    agent.lease("deploy").release()


@agent.on("question")
def answer_with_text(message: Message) -> str:
    """A handler that answers with a body."""
    return f"you asked {message.body}"


@agent.on("job")
def answer_with_data(message: Message, delivery: Delivery) -> dict[str, Any]:
    """A handler that answers with data, and holds its delivery."""
    delivery.extend()
    return {"attempt": delivery.attempt, "subject": message.subject}


@agent.on("*")
def take_note(message: Message) -> None:
    """A handler that answers nothing."""
    print(message.id)


@agent.check
def disk() -> bool:
    """A health check."""
    return True


def decorators_keep_the_type(message: Message, delivery: Delivery) -> None:
    """A decorated handler is still the function that was written, for tests to call."""
    assert_type(answer_with_text(message), str)
    assert_type(answer_with_data(message, delivery), dict[str, Any])
    assert_type(disk(), bool)
    agent.on("question")(lambda message: message.body)


def setup(agent: Agent) -> None:
    """What a script for `somabus beat --script` defines."""
    agent.use_builtin_handlers()
    agent.on("question")(answer_with_text)


def ruled() -> None:
    """What the humans rule: goals and values to read, work to tell of, approvals to ask for, stops to see."""
    goals = agent.goals()
    assert_type(goals, GoalReading)
    for goal in goals:
        assert_type(goal.title, str)
        others = agent.work_on(goal.id, "the SMB part", progress=0.4)
        assert_type([work.agent for work in others], list[str])
    assert_type(goals.faults, tuple[str, ...])
    assert_type(agent.values(), str)
    assert_type(agent.propose_goal("a title", "a body").id, str)

    approval = agent.ask_approval("deploy", detail="v3", category="deploy", expires_in=timedelta(hours=2))
    assert_type(approval, Approval)
    if approval.wait(timeout=60):
        approval.use()
    agent.send("worker", "df -h", kind="shell", approval=approval)
    assert_type(agent.stops(), tuple[Stopped, ...])
    assert_type(agent.rotate(), str)


@agent.handler("report")
def report(ctx: JobContext) -> dict[str, Any]:
    """A handler of jobs: what a step returns keeps its type."""
    page = ctx.step("fetch", lambda: "a page", idempotent=True)
    assert_type(page, str)
    assert_type(ctx.data, dict[str, Any])
    assert_type(ctx.attempt, int)
    ctx.require(lambda: len(page) > 0, "there is a page")
    ctx.progress(0.5, "fetched")
    ctx.log("fetched")
    ctx.spend(tokens=3)
    assert_type(ctx.attach("page.txt", page.encode()), str)
    child = ctx.submit("echo", {"n": 1})
    assert_type(str(child), str)
    assert_type([each.result for each in ctx.gather()], list[Any])
    if [each for each in ctx.inbox() if each.body == "later"]:
        ctx.snooze(timedelta(hours=1))
    return {"page": page}


def jobs() -> None:
    """Jobs are submitted with what they need, worked on, looked at, and acted on."""
    receipt = agent.submit("report", {"page": 7}, queue="web", priority="high", delay=timedelta(minutes=10), key="k")
    assert_type((receipt.address, receipt.duplicate, receipt.workers), tuple[str, bool, int | None])
    first, second = JobDraft("echo", label="a"), JobDraft("echo", depends_on=("a",), on_failure="ignore")
    assert_type([each.id for each in agent.submit_many([first, second])], list[str])
    assert_type(agent.work("web", tags=["gpu"], stop=threading.Event()), int)
    assert_type(agent.worker("web").drain(), int)
    assert_type(agent.jobs.queues(), list[str])
    outcome = agent.jobs.outcome(receipt)
    if outcome is not None:
        assert_type((outcome.failed, outcome.error), tuple[bool, str])
    assert_type(agent.jobs.stats("web").causes, list[Cause])
    assert_type(agent.jobs.attachment(receipt, "report.html"), bytes)
    assert_type(agent.jobs.cancel(receipt, "not needed"), list[str])
    agent.jobs.pause("web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
    agent.jobs.decide(receipt, 1, again=False, result={"id": 7})


def beating() -> None:
    """One beat, or staying until told to stop."""
    report = agent.beat(messages=10, seconds=60)
    assert_type(report, BeatReport)
    assert_type(report.number, int)
    assert_type(report.missed, int)
    assert_type(report.unread, int | None)
    assert_type(report.could_not_look, bool)
    assert_type(report.peers, dict[str, str])
    assert_type(report.checks, dict[str, str])
    assert_type(report.to_json(), bytes)
    for step in report.steps:
        assert_type((step.name, step.ok, step.detail, step.seconds), tuple[str, bool, str, float])
    agent.run()
    stop = threading.Event()
    agent.run(stop, on_beat=lambda report: print(report.outcome))
    agent.run(stop=stop, on_beat=print)


def errors() -> None:
    """One tree, facts as attributes."""
    try:
        agent.send("planer", "hello")
    except UnknownRecipientError as error:
        assert_type(error.name, str)
        assert_type(error.near, tuple[str, ...])
    except NameTakenError as error:
        assert_type(error.owner, str)
    except RateLimitError as error:
        assert_type((error.place, error.per_hour), tuple[str, int])
        assert_type(error.again_at, datetime)
    except ReferenceNotFoundError as error:
        assert_type((error.field, error.value), tuple[str, str])
    except StoreUnavailableError as error:
        assert_type(error.key, str)
        assert_type(error.detail, str)
    except SomabusError as error:
        print(error)
