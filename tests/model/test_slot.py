"""The life of a message as one table, and its facts in the name of its file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.model.ids import uuid7
from somabus.model.message import Priority
from somabus.model.slot import ATTEMPTS_A_LIFE, MOVES, OUTCOMES, Event, Slot, State, done_event, done_name, target
from somabus.store.port import is_part
from tests.model.examples import ID, quick

HOLDER = "0123456789ab"
IDS = st.builds(uuid7, st.integers(0, (1 << 48) * 1000 - 1), st.binary(min_size=8, max_size=8))
UNTIL = st.integers(0, 10**15 - 1)
HOLDERS = st.text("0123456789abcdef", min_size=12, max_size=12)
DIGITS = st.integers(0, 9)
GENERATIONS = st.integers(0, 10**9 - 1)
NEVER = st.none()
WAITING = st.builds(Slot, DIGITS, IDS, GENERATIONS, NEVER, NEVER)
DELAYED = st.builds(Slot, DIGITS, IDS, GENERATIONS, UNTIL, NEVER)
CLAIMED = st.builds(Slot, DIGITS, IDS, GENERATIONS, UNTIL, HOLDERS)

TABLE = {
    (State.INBOX, Event.CLAIM): State.CLAIMED,
    (State.INBOX, Event.WITHDRAW): State.DONE,
    (State.LATER, Event.CLAIM): State.CLAIMED,
    (State.LATER, Event.WITHDRAW): State.DONE,
    (State.CLAIMED, Event.CLAIM): State.CLAIMED,
    (State.CLAIMED, Event.EXTEND): State.CLAIMED,
    (State.CLAIMED, Event.ACK): State.DONE,
    (State.CLAIMED, Event.NACK): State.LATER,
    (State.CLAIMED, Event.RELEASE): State.INBOX,
    (State.CLAIMED, Event.SET_ASIDE): State.DEAD,
    (State.CLAIMED, Event.EXPIRE): State.DONE,
    (State.CLAIMED, Event.DUPLICATE): State.DONE,
    (State.DEAD, Event.REPLAY): State.INBOX,
}


@quick
@given(WAITING | DELAYED | CLAIMED)
def test_a_name_gives_back_its_facts(slot):
    """Whatever facts go into a file's name come out of it, and the name is legal on every drive."""
    assert Slot.parse(slot.name) == slot
    assert is_part(slot.name)


@pytest.mark.parametrize(
    ("name", "slot"),
    [
        (f"5-{ID}.0.json", Slot(5, ID)),
        (f"1-{ID}.12.1767614400000.json", Slot(1, ID, 12, 1767614400000)),
        (f"7-{ID}.3.1767614400000.{HOLDER}.json", Slot(7, ID, 3, 1767614400000, HOLDER)),
    ],
)
def test_the_names_of_the_format_are_read(name, slot):
    """The names that docs/format.md shows mean what it says, and are written so."""
    assert Slot.parse(name) == slot
    assert slot.name == name


@pytest.mark.parametrize(
    "name",
    [
        "", "x.json", ".json", f"{ID}.json", f"{ID}.0.json", f"5-{ID}.json", f"5-{ID}.0", f"5-{ID}.0.JSON",
        f"5-{ID}.0.json\n",
        f"55-{ID}.0.json", f"x-{ID}.0.json", f"٣-{ID}.0.json", f"5-{ID}.٣.json", f"5-{ID}.00.json", f"5-{ID}.01.json",
        f"5-{ID}.-1.json", f"5-{ID}.1000000000.json", f"5-{ID}.0.{10**15}.json", f"5-{ID}.0.-1.json",
        f"5-{ID.upper()}.0.json",
        f"5-{ID}.0.1.{HOLDER.upper()}.json", f"5-{ID}.0.1.{HOLDER}0.json", f"5-{ID}.0.1.{HOLDER[1:]}.json",
        f"5-{ID}.0.1.scout.json", f"5-{ID}.0.json.why.json", f"5-{ID}.0 (1).json", f"5-{ID}.0.json.tmp",
        f"../5-{ID}.0.json",
        f"5-{ID[:14]}4{ID[15:]}.0.json", "Thumbs.db", "5-.0.json",
    ],
)  # fmt: skip
def test_a_name_that_no_writer_gives_is_no_slot(name):
    """A conflict copy, another case and a number out of range are foreign names, never half understood."""
    assert Slot.parse(name) is None


@pytest.mark.parametrize("name", [f"5-{ID}.0.007.json", f"5-{ID}.0.007.{HOLDER}.json"])
def test_one_slot_has_one_name(name):
    """A name that is read as a slot is the name of that slot, so that a later move finds the file."""
    slot = Slot.parse(name)

    assert slot is None or slot.name == name


@quick
@given(st.lists(st.tuples(st.sampled_from(Priority), st.integers(0, 10**17)), min_size=2, max_size=12, unique=True))
def test_a_sorted_listing_is_the_order_of_service(mails):
    """Sorting the names puts the urgent before the low, and the older before the newer."""
    names = {Slot(priority.digit, uuid7(us, bytes(8))).name: (priority.digit, us) for priority, us in mails}

    assert [names[name] for name in sorted(names)] == sorted((priority.digit, us) for priority, us in mails)


@quick
@given(WAITING, UNTIL, HOLDERS)
def test_a_claim_counts_up_and_names_its_holder(slot, until, holder):
    """Each claim has a generation of its own, so a holder of the past has no file under its name."""
    claimed = slot.claimed(holder, until)

    assert (claimed.generation, claimed.until, claimed.holder) == (slot.generation + 1, until, holder)
    assert (claimed.digit, claimed.id) == (slot.digit, slot.id)
    assert claimed.fits(State.CLAIMED)


@quick
@given(CLAIMED, UNTIL)
def test_the_generation_survives_every_other_move(slot, until):
    """Extending, postponing and releasing keep id, priority and generation: it never goes back."""
    moved = [slot.extended(until), slot.postponed(until), slot.waiting()]

    assert {(each.digit, each.id, each.generation) for each in moved} == {(slot.digit, slot.id, slot.generation)}
    assert [(each.until, each.holder) for each in moved] == [(until, slot.holder), (until, None), (None, None)]


@pytest.mark.parametrize(
    ("slot", "states"),
    [
        (Slot(5, ID), {State.INBOX}),
        (Slot(5, ID, 1, 2), {State.LATER}),
        (Slot(5, ID, 1, 2, HOLDER), {State.CLAIMED, State.DEAD}),
        (Slot(5, ID, 1, None, HOLDER), set()),
    ],
)
def test_each_folder_takes_names_of_its_own_shape(slot, states):
    """A file whose name does not belong into its folder is noticed."""
    assert {state for state in State if slot.fits(state)} == states


@pytest.mark.parametrize(
    ("generation", "attempt", "replayed"),
    [(0, 0, False), (1, 1, False), (5, 5, False), (999, 999, False), (1000, 0, True), (1001, 1, True), (2003, 3, True)],
)
def test_a_redelivered_message_says_which_attempt_it_is(generation, attempt, replayed):
    """The first claim is attempt 1, each further one counts on, and a replay starts again."""
    slot = Slot(5, ID, generation)

    assert (slot.attempt, slot.replayed) == (attempt, replayed)


@quick
@given(st.builds(Slot, DIGITS, IDS, st.integers(0, 10**8), UNTIL, HOLDERS))
def test_a_replay_begins_a_new_life(slot):
    """After a replay the message waits again, its attempts at nought, under a generation never given before."""
    again = slot.reborn()

    assert again.fits(State.INBOX)
    assert (again.attempt, again.replayed) == (0, True)
    assert slot.generation < again.generation <= slot.generation + ATTEMPTS_A_LIFE


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_move_is_in_the_table_or_impossible(state, event):
    """For each state and event there is one folder to go to, or a KeyError; nothing in between."""
    if (state, event) in TABLE:
        assert target(state, event) is TABLE[state, event]
    else:
        with pytest.raises(KeyError):
            target(state, event)


def test_the_table_is_total():
    """Every state has its row, every event happens somewhere, and every state can be reached from the inbox."""
    reached = {State.INBOX}
    for _ in State:
        reached |= {after for state in reached for after in MOVES[state].values()}

    assert set(MOVES) == set(State) == reached
    assert {event for row in MOVES.values() for event in row} == set(Event)


def test_what_is_done_stays_done():
    """No event leads out of done/: a message that was handled is not handled again."""
    assert MOVES[State.DONE] == {}


def test_every_way_into_done_has_its_mark():
    """Each event that ends a message has a name under done/ of its own."""
    endings = {event for row in MOVES.values() for event, after in row.items() if after is State.DONE}

    assert endings == set(OUTCOMES)
    assert len(set(OUTCOMES.values())) == len(OUTCOMES)


@pytest.mark.parametrize("event", OUTCOMES)
def test_the_name_under_done_says_how_it_ended(event):
    """The name follows from id and ending alone, and the ending can be read from it."""
    assert done_name(ID, event).startswith(ID)
    assert done_event(done_name(ID, event)) is event


@pytest.mark.parametrize("name", ["", ID, f"{ID}.expired", "Thumbs.db", f"{ID}.json.tmp"])
def test_a_foreign_name_under_done_means_nothing(name):
    """A file of another ending is not counted as a message."""
    assert done_event(name) is None


@pytest.mark.parametrize("event", [Event.CLAIM, Event.NACK, Event.REPLAY])
def test_an_event_that_ends_nothing_has_no_name_under_done(event):
    """A message that still lives cannot be given a name under done/."""
    with pytest.raises(KeyError):
        done_name(ID, event)
