"""The table of ways in: it names what there is, all of it, and nothing that is not there."""

import pytest

from somabus import Agent
from somabus.approvals import Approval
from somabus.arcs import Arc
from somabus.delivery import Delivery
from somabus.inbox import Inbox
from somabus.jobs.queues import Jobs
from somabus.jobs.worker import Worker
from somabus.lease import Lease
from somabus.model.entry import COMMANDS, ENTRY_POINTS, WhenStopped
from somabus.scratchpad import Scratchpad

CLASSES = {each.__name__: each for each in (Agent, Inbox, Delivery, Arc, Scratchpad, Lease, Approval, Jobs, Worker)}


@pytest.mark.parametrize("table", [ENTRY_POINTS, COMMANDS])
def test_each_row_says_what_a_stop_does_there(table):
    """No way in is left to chance."""
    assert {type(what) for what in table.values()} == {WhenStopped}
    assert set(table.values()) <= set(WhenStopped)


@pytest.mark.parametrize("row", sorted(set(ENTRY_POINTS) - {"Agent.join"}))  # joining is part of making an agent
def test_each_row_names_something_there_is(row):
    """A row for something that was renamed would guard nothing."""
    name, _, member = row.partition(".")

    assert hasattr(CLASSES[name], member)


@pytest.mark.parametrize(
    "words",
    [
        "send",
        "share",
        "drain",
        "claim",
        "take",
        "use",
        "ask_approval",
        "lease",
        "post",
        "subscribe",
        "mark_read",
        "write",
    ],
)
def test_what_acts_on_the_bus_is_refused(words):
    """Sending, posting, sharing, taking mail, marking posts as read, leases and approvals are refused under a stop, wherever they stand."""
    found = {what for row, what in ENTRY_POINTS.items() if row.partition(".")[2] == words}

    assert found == {WhenStopped.REFUSED}
