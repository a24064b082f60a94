"""What is open in a channel is a table of posts: the same posts make the same agenda, for everybody who reads them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.model.agenda import MOST_QUESTIONS, Agenda, Beaten, last_seen
from somabus.model.wire import parse_object
from tests.model.examples import ID, NOW, message, quick

ARC = "arc:wiki"


def post(kind, sender="scout", body="", *, subject="", channel=ARC, at=NOW, data=None, **refs):
    """Return a post of an arc."""
    return message(
        kind=kind, sender=sender, to=[], channel=channel, body=body, subject=subject, created_at=at.isoformat(),
        data=data or {}, refs=refs,
    )  # fmt: skip


def after(*posts, agenda=None):
    """Return the agenda after posts that are numbered from 1."""
    agenda = agenda or Agenda()
    for each in posts:
        agenda = agenda.after(agenda.upto + 1, each)
    return agenda


BRIEF, CLOSEOUT = post("brief", "planner", "Index the archive"), post("closeout", "planner")
CLAIM = post("claim", "scout")


def pair(one, other):
    """Return the declaration of one to work with another."""
    return post("pair", one, data={"partner": other})


def beat(sender="scout", at=NOW, doing="reading", every_s=600):
    """Return a posted heartbeat."""
    return post("heartbeat", sender, at=at, data={"doing": doing, "every_s": every_s})


# -- briefs, claims, closeouts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("posts", "is_open", "owner"),
    [
        ([], False, None),
        ([CLAIM], False, None),
        ([BRIEF], True, None),
        ([BRIEF, CLAIM], True, "scout"),
        ([BRIEF, post("claim", brief="#1")], True, "scout"),
        ([BRIEF, post("claim", reply_to="arc:wiki#1")], True, "scout"),
        ([BRIEF, post("claim", reply_to=ID)], True, "scout"),  # answering the mail that told of the brief
        ([BRIEF, post("claim", brief="#2")], True, None),
        ([BRIEF, post("claim", brief="arc:other#1")], True, None),
        ([BRIEF, post("claim", reply_to="#9", brief="#1")], True, "scout"),
        ([BRIEF, CLAIM, post("claim", "worker")], True, "scout"),
        ([BRIEF, CLAIM, CLOSEOUT], False, None),
        ([BRIEF, CLOSEOUT, CLAIM], False, None),
        ([CLOSEOUT], False, None),
        ([BRIEF, CLAIM, CLOSEOUT, BRIEF], True, None),
        ([BRIEF, CLAIM, BRIEF], True, None),
        ([BRIEF, CLAIM, BRIEF, post("claim", "worker", brief="#3")], True, "worker"),
        ([BRIEF, post("note"), post("status"), post("weather")], True, None),
    ],
)
def test_an_arc_is_opened_claimed_and_closed(posts, is_open, owner):
    """A brief opens an arc, the first claim of that brief owns it, a closeout ends it, and a new brief begins anew with nobody."""
    agenda = after(*posts)

    assert (agenda.open, agenda.owner, agenda.upto) == (is_open, owner, len(posts))


def test_the_brief_and_the_last_word_are_kept_in_a_line():
    """An agenda shows the brief and the last post in one line each: the subject, or the beginning of the body on one line."""
    agenda = after(
        BRIEF, post("note", "scout", "half\n\tof it " + "x" * 500), post("status", body="b", subject="a subject")
    )

    assert (agenda.brief.number, agenda.brief.sender, agenda.brief.line) == (1, "planner", "Index the archive")
    assert (agenda.last.number, agenda.last.kind, agenda.last.line) == (3, "status", "a subject")
    assert (
        after(BRIEF, post("note", "scout", "half\n\tof it " + "x" * 500)).last.line == ("half of it " + "x" * 500)[:120]
    )


def test_a_number_without_a_post_that_counts_is_passed():
    """What cannot be read moves the agenda on and changes nothing in it."""
    agenda = after(BRIEF, CLAIM)

    assert agenda.skipped(3) == agenda.model_copy(update={"upto": 3})


@pytest.mark.parametrize(
    ("agenda", "complete"),
    [
        (Agenda(), True),
        (Agenda(since=50, upto=49), False),
        (after(post("note"), agenda=Agenda(since=50, upto=49)), False),
        (after(BRIEF, agenda=Agenda(since=50, upto=49)), True),
        (after(CLOSEOUT, agenda=Agenda(since=50, upto=49)), True),
    ],
)
def test_it_knows_whether_earlier_posts_could_change_it(agenda, complete):
    """An agenda that was begun in the middle says whether it has met a brief or a closeout: from then on nothing earlier counts."""
    assert agenda.complete is complete


# -- questions -----------------------------------------------------------------------------------------------------


def asked(*posts):
    """Return the numbers of the questions that are open."""
    return [each.word.number for each in after(*posts).questions]


@pytest.mark.parametrize(
    ("posts", "left"),
    [
        ([post("question")], [1]),
        ([post("question"), post("question")], [1, 2]),
        ([post("question"), post("answer", "planner", reply_to="#1")], []),
        ([post("question"), post("answer", "scout", reply_to="arc:wiki#1")], []),
        ([post("question"), post("question"), post("answer", reply_to="#2")], [1]),
        ([post("question"), post("answer", reply_to="#7")], [1]),
        ([post("question"), post("answer", reply_to="arc:other#1")], [1]),
        ([post("question"), post("answer", reply_to=ID)], [1]),
        ([post("question"), post("note", reply_to="#1")], [1]),
        ([post("question"), post("answer", reply_to="#1"), post("answer", reply_to="#1")], []),
    ],
)
def test_a_question_is_open_until_an_answer_names_it(posts, left):
    """An answer closes the one question that it names, in this channel, whoever gives it; nothing else does."""
    assert asked(*posts) == left


def test_a_question_asks_those_whom_it_calls():
    """Who is called with `@` in a question is asked, and a question that calls nobody asks nobody in particular."""
    agenda = after(post("question", body="@worker, or @planner: where? `@nobody`"), post("question", body="anybody?"))

    assert [each.asks for each in agenda.questions] == [("worker", "planner"), ()]


def test_the_newest_questions_are_kept():
    """A flood of questions fills no disk: the newest are kept in mind."""
    agenda = after(*[post("question")] * (MOST_QUESTIONS + 3))

    assert [each.word.number for each in agenda.questions] == list(range(4, MOST_QUESTIONS + 4))


@pytest.mark.parametrize(
    ("posts", "owed"),
    [
        ([], []),
        ([BRIEF], []),
        ([BRIEF, CLAIM], [("scout", "the work on arc:wiki#1")]),
        ([BRIEF, CLAIM, CLOSEOUT], []),
        ([post("question", body="where?")], []),
        ([post("question", body="@worker where?")], [("worker", "an answer to arc:wiki#1")]),
        (
            [BRIEF, CLAIM, post("question", body="@worker @scout?")],
            [
                ("scout", "the work on arc:wiki#1"),
                ("worker", "an answer to arc:wiki#3"),
                ("scout", "an answer to arc:wiki#3"),
            ],
        ),
        ([post("question", body="@worker?"), post("answer", "planner", reply_to="#1")], []),
    ],
)
def test_who_owes_what_is_told_with_its_address(posts, owed):
    """The owner of an open brief owes the work, and who was asked owes an answer; each debt is named so that it can be looked up."""
    assert list(after(*posts).owed(ARC)) == owed


# -- heartbeats and pairs ------------------------------------------------------------------------------------------


def test_the_last_heartbeat_of_each_counts():
    """Of each agent the last heartbeat posted here is known, with what it does and how often it beats; of others none."""
    agenda = after(beat(), beat("worker", every_s=60), beat(at=NOW + timedelta(minutes=9), doing="writing"))

    assert agenda.beat_of("scout") == Beaten(at=NOW + timedelta(minutes=9), every_s=600, doing="writing")
    assert agenda.beat_of("worker").every_s == 60
    assert agenda.beat_of("planner") is None


@pytest.mark.parametrize(
    ("posts", "pairs"),
    [
        ([pair("scout", "worker")], ()),
        ([pair("scout", "worker"), pair("worker", "scout")], (("scout", "worker"),)),
        ([pair("worker", "scout"), pair("scout", "worker")], (("scout", "worker"),)),
        ([pair("scout", "worker"), pair("worker", "planner")], ()),
        ([pair("scout", "worker"), pair("worker", "scout"), pair("scout", None)], ()),
        ([pair("scout", "worker"), pair("worker", "scout"), pair("scout", "planner")], ()),
        ([pair("a", "b"), pair("b", "a"), pair("d", "c"), pair("c", "d")], (("a", "b"), ("c", "d"))),
        ([pair("scout", None)], ()),
    ],
)
def test_a_pair_counts_when_both_have_declared_it(posts, pairs):
    """Two work as a pair while each has named the other last; one word of either ends it."""
    assert after(*posts).pairs == pairs


@pytest.mark.parametrize(
    ("beaten", "seen", "then"),
    [(None, None, None), (NOW, None, NOW), (None, NOW, NOW), (NOW, NOW - timedelta(hours=1), NOW), (NOW - timedelta(hours=1), NOW, NOW)],
)  # fmt: skip
def test_the_later_sign_of_life_counts(beaten, seen, then):
    """Whoever posts its heartbeats and whoever beats on the bus is seen at the later of both."""
    assert last_seen(None if beaten is None else Beaten(at=beaten, every_s=60), seen) == then


# -- the fold ------------------------------------------------------------------------------------------------------

SENDERS = st.sampled_from(["scout", "worker", "planner"])
ADDRESSES = st.integers(1, 12).map(lambda number: f"#{number}")
POSTS = st.one_of(
    st.builds(post, st.sampled_from(["brief", "claim", "closeout", "note"]), SENDERS),
    st.builds(lambda sender, to: post("claim", sender, brief=to), SENDERS, ADDRESSES),
    st.builds(lambda sender, asks: post("question", sender, f"@{asks}?"), SENDERS, SENDERS),
    st.builds(lambda sender, to: post("answer", sender, reply_to=to), SENDERS, ADDRESSES),
    st.builds(lambda sender, minutes: beat(sender, NOW + timedelta(minutes=minutes)), SENDERS, st.integers(-60, 60)),
    st.builds(pair, SENDERS, st.none() | SENDERS),
)


@quick
@given(st.lists(POSTS, max_size=12), st.integers(0, 12))
def test_the_same_posts_make_the_same_agenda(posts, cut):
    """Whoever reads the posts at once, or in parts with a record of the agenda between, knows the same."""
    part = after(*posts[:cut])
    again = Agenda.from_object(parse_object(part.to_json()))

    assert again == part
    assert after(*posts[cut:], agenda=again) == after(*posts)


@quick
@given(st.lists(POSTS, max_size=12), st.permutations(range(12)))
def test_the_order_of_the_numbers_counts_and_no_clock(posts, minutes):
    """Posts in the order of their numbers make the same agenda whatever clocks their writers had; the clocks are merely shown."""
    moved = [
        each.model_copy(update={"created_at": NOW + timedelta(minutes=minute)})
        for each, minute in zip(posts, minutes, strict=False)
    ]
    plain, other = after(*posts), after(*moved)

    assert (other.open, other.owner, other.pairs) == (plain.open, plain.owner, plain.pairs)
    assert list(other.owed(ARC)) == list(plain.owed(ARC))


@quick
@given(st.lists(POSTS, min_size=1, max_size=12))
def test_who_owns_has_claimed_what_is_open(posts):
    """Whatever is posted in whatever order: nobody owns what is not open, and the owner is one who claimed after the brief."""
    agenda = after(*posts)

    if agenda.owner is not None:
        behind = posts[agenda.brief.number :]
        assert agenda.open
        assert agenda.owner == next(each.sender for each in behind if each.kind == "claim" and named(each, agenda))


def named(claim, agenda):
    """Whether a claim is one of the brief of an agenda."""
    return claim.refs.get("brief") in (None, f"#{agenda.brief.number}")
