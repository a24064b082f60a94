"""What a sender is told, in one sentence for people."""

import pytest

from somabus.model.receipt import Receipt, Trace, Whereabouts
from tests.model.examples import NOW


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "7 lies in the inbox of planner"),
        ({"duplicate": True}, "7 had been sent to planner before; nothing was sent twice"),
        ({"spooled": True}, "7 for planner waits on this machine until the drive is back"),
        ({"spooled": True, "duplicate": True}, "7 for planner waits on this machine until the drive is back"),
        ({"silent_since": NOW}, "7 lies in the inbox of planner; planner has been silent since 2026-01-05 12:00 UTC"),
    ],
)
def test_a_receipt_says_where_the_message_lies(facts, said):
    """On the drive, on this machine, or sent before: three different sentences, and silence is told in each."""
    assert str(Receipt(id="7", to="planner", sent_at=NOW, **facts)) == said


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "posted as arc:wiki#17"),
        ({"follows": True}, "posted as arc:wiki#17"),
        ({"duplicate": True}, "arc:wiki#17 had been posted before; nothing was posted twice"),
        ({"mentioned": ("worker", "planner")}, "posted as arc:wiki#17; mentioned worker, planner"),
        (
            {"unknown": ("wroker (did you mean worker?)", "x")},
            "posted as arc:wiki#17; nobody is named wroker (did you mean worker?); nobody is named x",
        ),
        (
            {"follows": False},
            "posted as arc:wiki#17; you do not follow this channel, so you will not see what is answered there",
        ),
        ({"parked": True}, "posted as arc:wiki#17; parked for a human: its chain of hops is too long"),
    ],
)
def test_the_receipt_of_a_post_says_where_it_stands_and_who_was_told(facts, said):
    """A post is told by its address, with whom it called, whom it called in vain, and what keeps its answers from the sender."""
    receipt = Receipt(id="7", to="arc:wiki", sent_at=NOW, number=17, **facts)

    assert (str(receipt), receipt.address) == (said, "arc:wiki#17")


def test_mail_has_no_address():
    """Mail is named by its id alone."""
    assert Receipt(id="7", to="planner", sent_at=NOW).address is None


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "7 to planner: unknown"),
        ({"day": "2026-01-05"}, "7 to planner: unknown on 2026-01-05"),
        ({"at": NOW, "by": "planner"}, "7 to planner: unknown 2026-01-05 12:00:00 UTC by planner"),
        ({"detail": "not found"}, "7 to planner: unknown: not found"),
    ],
)
def test_a_trace_says_what_is_known_and_no_more(facts, said):
    """When, by whom and why stand in the sentence only as far as the drive shows them."""
    assert str(Trace(id="7", to="planner", state=Whereabouts.UNKNOWN, **facts)) == said
