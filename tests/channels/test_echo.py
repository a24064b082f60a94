"""P7, P8. A direct echo reaches the agent that has both the name and the key, and nobody else."""

import pytest

from somabus.errors import UnknownRecipientError
from somabus.model.signing import Signer
from somabus.testing import World


@pytest.fixture
def world():
    """A bus with scout and worker."""
    world = World()
    world.agent("scout")
    world.agent("worker").use_builtin_handlers()
    return world


def test_an_echo_comes_back_from_the_right_agent(world):
    """Name and key match: the agent answers with what it got."""
    scout, worker = world.agent("scout"), world.agent("worker")
    worker.use_builtin_handlers()

    receipt = scout.echo(to="worker", short=worker.short, payload={"n": 7})
    worker.beat()

    (answer,) = scout.inbox.peek()
    assert (answer.opened.message.data["echo"], answer.opened.message.reply_to) == ({"n": 7}, receipt.id)


@pytest.mark.parametrize(
    ("to", "short"), [("worker", "00000000"), ("worker", ""), ("worker", None), ("wroker", "00000000")]
)
def test_a_name_with_another_key_is_refused(world, to, short):
    """Nothing is sent to an agent whose key is not the one that was meant; the error names the value and the nearest."""
    scout = world.agent("scout")

    with pytest.raises(UnknownRecipientError) as refused:
        scout.echo(to=to, short=short)

    assert "worker" in str(refused.value)
    assert world.agent("worker").unread == 0


def test_the_reader_checks_it_again(world):
    """A message for another key of the same name is set aside as one for somebody else, whoever delivered it."""
    scout, worker = world.agent("scout"), world.agent("worker")
    scout._services.sender._check_short = lambda _to, _short: None
    scout.echo("worker", "1a2b3c4d", {})

    assert worker.inbox.claim() is None
    (letter,) = worker.inbox.dead()
    assert (letter.reason, "worker #1a2b3c4d" in letter.detail) == ("wrong address", True)


def test_two_agents_of_one_name_are_told_apart(world):
    """If a second machine poses under a name with another key, mail for the first key reaches the first agent alone."""
    scout, worker = world.agent("scout"), world.agent("worker")
    short = worker.short
    world.signers["worker"] = Signer(b"\x07" * 32)

    with pytest.raises(Exception, match="belongs to the key"):
        world.agent("worker")

    assert scout.echo("worker", short).to == "worker"
    assert worker.inbox.claim().message.refs["short"] == short
