"""P6. What is unread is told to a session once, in one text, and telling marks nothing as read."""

import threading

import pytest

from somabus.announcer import _digest
from somabus.errors import StoreUnavailableError
from somabus.testing import World


@pytest.fixture
def world():
    """A bus with scout and worker, who follows `general`."""
    world = World()
    world.agent("scout")
    world.agent("worker").subscribe("general")
    return world


def test_each_thing_is_told_to_a_session_once(world):
    """The first look tells all that is unread, the next only what is new; nothing was read by being told."""
    scout, worker = world.agent("scout"), world.agent("worker")
    scout.send("worker", "one")
    scout.post("general", "two")

    news = worker.announce("chat")
    assert (news.unread, news.mail, news.posts) == (2, 1, 1)
    assert [post.address for post in news.latest] == ["general#1"]
    assert not world.agent("worker").announce("chat")

    scout.send("worker", "three")
    later = worker.announce("chat")
    assert (later.unread, later.mail, later.posts) == (3, 1, 0)
    assert [each.opened.message.body for each in later.letters] == ["three"]
    assert worker.unread == 3


def test_posts_are_told_up_to_a_number(world):
    """A post is told once, as mail is: the next look tells the posts after it alone, also in a channel followed since."""
    scout, worker = world.agent("scout"), world.agent("worker")
    for body in ("one", "two"):
        scout.post("general", body)
    assert worker.announce("chat").posts == 2

    scout.post("general", "three")
    scout.post("arc:wiki", "elsewhere")
    worker.subscribe("arc:wiki")

    later = worker.announce("chat")
    assert (later.unread, later.mail, later.posts) == (4, 0, 2)
    assert {str(post.address) for post in later.latest} == {"general#3", "arc:wiki#1"}
    assert not worker.announce("chat")


def test_a_mail_that_names_a_post_does_not_hide_it(world):
    """Only a mention by the post's own author stands for the post; what others say of it in their mail does not."""
    scout, worker = world.agent("scout"), world.agent("worker")
    scout.post("general", "urgent")
    world.agent("mallory").send("worker", "harmless", refs={"post": "general#1"})

    news = worker.announce("chat")
    assert (news.mail, news.posts, [post.address for post in news.latest]) == (1, 1, ["general#1"])

    scout.post("general", "@worker look")
    news = worker.announce("chat")
    assert (news.mail, news.posts) == (1, 0)


def test_every_session_is_told_for_itself(world):
    """What one chat was told is new to another, and to the same one after it was cleared."""
    world.agent("scout").send("worker", "x")
    worker = world.agent("worker")
    assert worker.announce("one")
    assert worker.announce("other")

    worker.forget_session("one")

    assert worker.announce("one")
    assert not worker.announce("other")


def test_a_call_and_the_post_that_calls_are_told_once(world):
    """A post that mentions the agent is also mail; the session hears of it once."""
    world.agent("scout").post("general", "@worker look")

    news = world.agent("worker").announce("chat")

    assert (news.unread, news.mail, news.posts, news.latest) == (2, 1, 0, ())


def test_many_are_one_text_with_a_few_samples(world):
    """However much has come, it is one announcement: counts, and a few samples."""
    scout = world.agent("scout")
    for n in range(50):
        scout.send("worker", str(n))
        scout.post("general", str(n))

    news = world.agent("worker").announce("chat")

    assert (news.mail, news.posts, len(news.letters), len(news.latest)) == (50, 50, 5, 1)
    assert news.latest[0].message.body == "49"


def test_what_was_read_elsewhere_is_not_told(world):
    """What another process of the agent has read meanwhile is no news."""
    world.agent("scout").post("general", "x")
    world.agent("worker").read()

    assert not world.agent("worker").announce("chat")


def test_a_damaged_memory_tells_again_rather_than_never(world):
    """If what a session was told can no longer be read, it is told once more."""
    world.agent("scout").send("worker", "x")
    world.agent("worker").announce("chat")
    (name,) = world.homes["worker"].list("sessions")
    world.homes["worker"].replace(f"sessions/{name}", b"garbage")

    assert world.agent("worker").announce("chat")


def test_of_two_processes_one_is_told(world):
    """Two hooks of one session that look at the same moment do not both tell it."""
    world.agent("scout").send("worker", "x")
    agents, told, gate = [world.agent("worker") for _ in range(8)], [], threading.Barrier(8)

    def look(agent):
        gate.wait(30)
        told.append(bool(agent.announce("chat")))

    threads = [threading.Thread(target=look, args=(agent,)) for agent in agents]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)

    assert told.count(True) == 1


def test_whoever_could_not_look_says_so(world):
    """A process that finds another one of its session looking tells nothing, and does not pass that off as a look: what is new is told next time."""
    world.agent("scout").send("worker", "x")
    worker, home = world.agent("worker"), world.homes["worker"]
    with home.lock(f"session.{_digest('chat')}"):
        turned_away = worker.announce("chat")

    assert (bool(turned_away), turned_away.looked, turned_away.unread) == (False, False, 1)
    assert worker.announce("chat").mail == 1
    assert worker.announce("chat").looked


# -- waiting -------------------------------------------------------------------------------------------------------


@pytest.fixture
def steps(world):
    """Let `wait` turn the clock, and let something happen at each wait."""
    todo = []

    def waited(_prefix, timeout):
        world.clock.advance(seconds=timeout)
        if todo:
            todo.pop(0)()
        return True

    world.store.wait = waited
    return todo


def test_a_waiter_returns_with_the_news(world, steps):
    """Whoever waits for a session gets what comes, and the session has been told then."""
    steps += [lambda: None, lambda: world.agent("scout").send("worker", "x")]
    worker = world.agent("worker")

    assert worker.wait_news("chat", 60).mail == 1
    assert not worker.announce("chat")
    assert worker.wait_news("chat", 60) is None


def test_an_older_waiter_gives_way(world, steps):
    """Of two that wait for one session the older one ends with nothing, so that the session is woken once."""

    def newer():
        world.agent("worker").wait_news("chat", 0)
        world.agent("scout").send("worker", "x")

    steps += [newer]

    assert world.agent("worker").wait_news("chat", 60) is None
    assert world.agent("worker").announce("chat")


def test_a_waiter_ends_with_its_session(world, steps):
    """When the session has ended, or nobody is there to be told, the waiter ends, and nothing counts as told."""

    def ended():
        world.agent("worker").forget_session("chat")
        world.agent("scout").send("worker", "x")

    steps += [ended]
    assert world.agent("worker").wait_news("chat", 60) is None

    assert world.agent("worker").wait_news("chat", 60, over=lambda: True) is None
    assert world.agent("worker").announce("chat")


def test_a_waiter_outlives_a_drive_that_is_away(world, steps, monkeypatch):
    """P5: while the drive is away nobody could look, and that is no news; what comes once it is back wakes the session."""
    listed = world.store.list
    looks = []

    def away(prefix, *rest, **more):
        looks.append(prefix)
        raise StoreUnavailableError(prefix)

    def back():
        assert looks != []
        world.store.list = listed
        world.agent("scout").send("worker", "x")

    steps += [lambda: setattr(world.store, "list", away), lambda: None, back]

    assert world.agent("worker").wait_news("chat", 60).mail == 1
