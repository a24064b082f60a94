"""P6, P8, P13. `@name` in a post is also mail, once; a chain of posts and mail ends."""

import pytest

from somabus.errors import MalformedMessageError, StoreUnavailableError
from somabus.model.bus import BusPolicy
from somabus.testing import World


@pytest.fixture
def world():
    """A bus with scout, planner and worker."""
    world = World()
    for name in ("scout", "planner", "worker"):
        world.agent(name)
    return world


def waiting(agent):
    """The messages that wait for an agent."""
    return [letter.opened.message for letter in agent.inbox.peek()]


def test_whoever_is_called_gets_the_post_as_mail_once(world):
    """`@worker`, however often it is said, puts the post into worker's inbox once, with its body and where it stands; oneself is not called."""
    scout, worker = world.agent("scout"), world.agent("worker")

    receipt = scout.post("arc:wiki", "@worker and @scout: index it, @worker!", kind="brief", subject="The wiki")

    (mail,) = waiting(worker)
    assert receipt.mentioned == ("worker",)
    assert (mail.kind, mail.body, mail.refs["post"]) == (
        "mention",
        "@worker and @scout: index it, @worker!",
        "arc:wiki#1",
    )
    assert (mail.data, mail.subject) == ({"channel": "arc:wiki", "number": 1, "kind": "brief"}, "arc:wiki#1 The wiki")
    assert (worker.unread, scout.unread) == (1, 0)
    assert waiting(world.agent("planner")) == []


def test_code_and_addresses_call_nobody(world):
    """What stands in code or in an e-mail address is no call."""
    scout, worker = world.agent("scout"), world.agent("worker")

    receipt = scout.post("general", "`@worker` me@worker ```\n@worker\n``` x/@worker")

    assert (receipt.mentioned, receipt.unknown, worker.unread) == ((), (), 0)


def test_a_misspelt_name_is_told_with_the_nearest(world):
    """P8: who calls somebody who is not there is told whom it may have meant; the post stands."""
    receipt = world.agent("scout").post("general", "@workr and @nobody-at-all, look")

    assert receipt.unknown == ("workr (did you mean worker?)", "nobody-at-all")
    assert "nobody is named workr" in str(receipt)
    assert receipt.number == 1


def test_a_post_that_calls_a_crowd_is_refused(world):
    """A body that calls more than fifty agents is refused before anything is posted."""
    with pytest.raises(MalformedMessageError, match="50"):
        world.agent("scout").post("general", " ".join(f"@agent{n}" for n in range(51)))

    assert world.agent("scout").channels() == ()


def test_a_long_post_is_cut_in_the_mail_and_whole_in_the_channel(world):
    """A copy of a very long post says where the whole stands."""
    world.agent("scout").post("general", "@worker " + "x" * 200_000)

    (mail,) = waiting(world.agent("worker"))
    assert len(mail.body) < 3000
    assert mail.body.endswith("general#1")


def test_a_call_outlives_a_drive_that_goes_away(world):
    """If the drive goes away after the post stands, the mail is kept on this machine, and the next beat delivers it."""
    scout = world.agent("scout")
    real = scout._services.sender._store

    class Away:
        """A store that takes no mail."""

        def __getattr__(self, name):
            if name == "create_many":
                raise StoreUnavailableError("messages")
            return getattr(real, name)

    class AwayForMail(Away):
        """The same, failing when it is called."""

        def create_many(self, documents):
            raise StoreUnavailableError("messages")

    scout._services.sender._store = AwayForMail()
    receipt = scout.post("general", "@worker look")
    scout._services.sender._store = real
    assert (receipt.mentioned, world.agent("worker").unread) == (("worker",), 0)

    scout.beat()
    scout.beat()

    assert [mail.body for mail in waiting(world.agent("worker"))] == ["@worker look"]


def test_a_chain_over_channels_and_mail_ends():
    """P13: two agents that answer each other's posts and mentions without end are parked for a human after the limit, in channels as in mail."""
    world = World(policy=BusPolicy(hop_limit=4))
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.post("general", "@planner?", kind="question")
    for n in range(10):
        me, other = (planner, "scout") if n % 2 == 0 else (scout, "planner")
        for delivery in me.inbox.drain():
            with delivery as message:
                me.post("general", f"@{other}?", kind="question", reply_to=message.refs["post"])

    assert [post.message.hops for post in world.agent("reader").peek(["general"])] == [0, 2, 4]
    assert [letter.reason for letter in planner.inbox.dead()] == ["too many hops"]

    receipt = planner.post("general", "and again?", kind="question", reply_to="#3")

    assert receipt.parked
    assert "parked for a human" in str(receipt)
    assert "parked for a human: hop 5" in world.agent("reader").peek(["general"]).faults[0].fault


def test_alarms_are_never_parked():
    """Heartbeats pass the loop guard in channels, too: an agent whose signs of life are muted looks dead."""
    world = World(policy=BusPolicy(hop_limit=1))
    scout = world.agent("scout")
    for n in range(4):
        refs = {"reply_to": f"#{n}"} if n else {}
        scout.post("general", kind="heartbeat", data={"doing": "x", "every_s": 60}, refs=refs)

    assert [post.message.hops for post in world.agent("reader").peek(["general"])] == [0, 1, 2, 3]
