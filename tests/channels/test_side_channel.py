"""P6. You cannot miss a message: the unread count rides on every answer, and `wait` returns when it grows."""

import asyncio
import threading

import pytest

from somabus.errors import StoreUnavailableError
from somabus.testing import World


@pytest.fixture
def world():
    """A bus on which one mail and one post wait for reader."""
    world = World()
    scout, reader = world.agent("scout"), world.agent("reader")
    reader.subscribe("general")
    scout.send("reader", "mail")
    scout.post("general", "post")
    return world


def test_receipts_readings_and_reports_tell_it(world):
    """A receipt of mail, a receipt of a post, a reading, and the report of a beat all carry the global count."""
    reader = world.agent("reader")

    assert reader.send("scout", "x").unread == 2
    world.clock.advance(seconds=2)
    assert reader.post("other", "x").unread == 2
    assert reader.peek(["other"]).unread_count == 2
    report = reader.beat()
    assert (report.unread, "1 posts unread" in str(report)) == (2, True)
    assert next(peer for peer in reader.peers() if peer.name == "reader").heartbeat.unread == 2


def test_due_counts_posts(world):
    """An unread post is a reason to wake an agent, as mail is."""
    reader = world.agent("reader")
    for delivery in reader.inbox.drain():
        delivery.ack()
    reader.beat()
    assert reader.due()

    reader.read()

    assert not reader.due()


def test_a_wrapped_function_tells_it_with_a_dict(world):
    """A dict that a tool returns gains `_inbox_unread`; what it held is as it was, and the function's own dict unchanged."""
    own = {"found": 3}

    @world.agent("reader").tool
    def search(query: str) -> dict:
        """Find it."""
        return own

    assert search("x") == {"found": 3, "_inbox_unread": 2}
    assert own == {"found": 3}
    assert (search.__name__, search.__doc__) == ("search", "Find it.")


@pytest.mark.parametrize("value", [None, 7, "text", [1, 2], ValueError])
def test_a_wrapped_function_keeps_any_other_result(world, value):
    """Whatever is no dict comes as it was, with the count beside it, and in words in its text."""
    answered = world.agent("reader").tool(lambda: value)()

    assert answered.result is value
    assert answered.inbox_unread == 2
    assert str(answered).endswith("_inbox_unread: 2")


def test_an_exception_goes_through_with_a_note(world):
    """A tool that raises raises the same exception; the count rides along as a note."""

    @world.agent("reader").tool
    def fail():
        raise KeyError("x")

    with pytest.raises(KeyError) as raised:
        fail()

    assert raised.value.__notes__ == ["_inbox_unread: 2"]


def test_a_coroutine_stays_one(world):
    """An asynchronous tool is awaited as before, and tells the count as well, in success and in failure."""
    reader = world.agent("reader")

    @reader.tool
    async def search():
        return {"found": 1}

    @reader.tool
    async def fail():
        raise KeyError("x")

    assert asyncio.run(search()) == {"found": 1, "_inbox_unread": 2}
    with pytest.raises(KeyError) as raised:
        asyncio.run(fail())
    assert raised.value.__notes__ == ["_inbox_unread: 2"]


def test_nobody_could_look_is_not_zero(world):
    """P5: while the drive is away a tool answers all the same, and says that nobody could look."""
    reader = world.agent("reader")
    world.clock.advance(seconds=5)

    def away(*_args, **_kwargs):
        raise StoreUnavailableError("messages")

    reader._services.store.list, real = away, reader._services.store.list
    try:
        assert reader.tool(lambda: {"a": 1})() == {"a": 1, "_inbox_unread": None}
        assert "could not look" in str(reader.tool(lambda: 1)())
        with pytest.raises(StoreUnavailableError):
            _ = reader.unread
    finally:
        reader._services.store.list = real


# -- waiting -------------------------------------------------------------------------------------------------------


class Turned(World):
    """A bus whose `wait` turns the clock instead of taking time, and does something on the way."""

    def __init__(self):
        super().__init__()
        self.steps = []
        self.store.wait = self.waited

    def waited(self, _prefix, timeout):
        """Let the time pass, and let the next thing happen."""
        self.clock.advance(seconds=timeout)
        if self.steps:
            self.steps.pop(0)()
        return True


@pytest.fixture
def turned():
    """Such a bus, with scout and reader, who follows `general`."""
    world = Turned()
    world.scout, world.reader = world.agent("scout"), world.agent("reader")
    world.reader.subscribe("general")
    return world


def test_wait_returns_the_count_when_mail_or_a_post_comes(turned):
    """`wait` returns how much is unread as soon as that has grown, be it by mail or by a post in a followed channel."""
    turned.steps = [lambda: None, lambda: turned.scout.post("general", "x")]
    assert turned.reader.wait(60) == 1

    turned.steps = [lambda: turned.scout.send("reader", "x")]
    assert turned.reader.wait(60) == 2


def test_wait_ends_with_none(turned):
    """If nothing comes, the answer is None, after the time that was given."""
    before = turned.clock.now()

    assert turned.reader.wait(30) is None
    assert (turned.clock.now() - before).total_seconds() == pytest.approx(30)


def test_wait_above_what_is_known_returns_at_once(turned):
    """Whoever says what it knows already is not kept waiting for what came in between."""
    turned.scout.send("reader", "x")

    assert turned.reader.wait(60, above=0) == 1
    assert turned.reader.wait(10, above=1) is None


def test_wait_follows_the_count_down(turned):
    """If somebody reads meanwhile, what comes next is growth again: two read and one new is something new."""
    turned.scout.send("reader", "1")
    turned.scout.send("reader", "2")

    def read_all():
        for delivery in turned.agent("reader").inbox.drain():
            delivery.ack()

    turned.steps = [read_all, lambda: turned.scout.send("reader", "3")]

    assert turned.reader.wait(60) == 1


def test_wait_wakes_on_a_real_drive(tmp_path):
    """On a real folder mail wakes a waiting agent well before its time is over."""
    from somabus import Agent, create_bus

    create_bus(tmp_path / "bus")
    scout, reader = (Agent(n, tmp_path / "bus", home=tmp_path / "home", durability="none") for n in ("scout", "reader"))
    waiting, real, found = threading.Event(), reader._services.unread._store.wait, []
    reader._services.unread._store.wait = lambda *place: (waiting.set(), real(*place))[1]
    waiter = threading.Thread(target=lambda: found.append(reader.wait(60)))
    waiter.start()
    assert waiting.wait(30)  # it has counted, and waits

    scout.send("reader", "x")

    waiter.join(20)
    assert found == [1]
