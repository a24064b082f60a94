"""The audit's chain: whatever is done to an entry, the chain tells; what is sound is never accused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.errors import MalformedMessageError, MessageError
from somabus.model import wire
from somabus.model.audit import FIRST, AuditEntry, Head, check, digest, opened
from somabus.model.envelope import Seal
from tests.model.examples import ID, NOW, quick
from tests.model.signed import ANNA, SCOUT, STRANGER, sealed, text

SIGNERS = (ANNA, SCOUT, None)


def entry(number=1, previous=FIRST, signer=ANNA, detail="", **changed):
    """Return one entry as it lies in the log."""
    facts = {
        "bus": ID, "number": number, "previous": previous, "at": NOW, "by": "anna",
        "key": None if signer is None else text(signer), "act": "certify", "subject": "scout", "detail": detail,
    }  # fmt: skip
    return sealed(AuditEntry.model_validate({**facts, **changed}), Seal.AUDIT, signer)


def chain(length, signers=SIGNERS, told=""):
    """Return a sound chain, some of its entries signed by others and some by nobody."""
    entries = []
    for number in range(1, length + 1):
        previous = digest(entries[-1]) if entries else FIRST
        entries.append(entry(number, previous, signers[number % len(signers)], f"{told}{number}"))
    return entries


def faults(entries, head=None):
    """Return the numbers that the check accuses, with what it says of them."""
    return {each.number: each.fault for each in check(enumerate(entries, 1), head or Head()) if each.fault}


def seen(entries):
    """Return the memory of a reader who saw the chain to its end."""
    return Head(number=len(entries), digest=digest(entries[-1]) if entries else FIRST)


lengths = st.integers(1, 8)


@quick
@given(lengths, lengths)
def test_an_untouched_chain_is_never_accused(length, before):
    """Whoever looked before, at any length, and whoever looks for the first time: nothing is reported."""
    entries = chain(length)

    assert faults(entries) == {}
    assert faults(entries, seen(entries[: min(before, length)])) == {}
    assert [each.entry.number for each in check(enumerate(entries, 1), Head())] == list(range(1, length + 1))


@quick
@given(st.integers(2, 8), st.data())
def test_an_altered_entry_is_reported_with_its_number(length, draw):
    """One bit changed in an entry: that entry or the one after it is reported; at the end by whoever saw it before."""
    entries = chain(length)
    head = seen(entries)
    at = draw.draw(st.integers(0, length - 1))
    altered = bytearray(entries[at])
    bit = draw.draw(st.integers(0, len(altered) * 8 - 1))
    altered[bit // 8] ^= 1 << bit % 8
    entries[at] = bytes(altered)

    assert set(faults(entries, head)) & {at + 1, at + 2}
    assert set(faults(entries, head)) <= {at + 1, at + 2}
    if at < length - 1:
        assert faults(entries)


@quick
@given(st.integers(1, 8), st.data())
def test_an_entry_written_anew_is_reported(length, draw):
    """Whoever writes a whole entry anew, signed by itself or by nobody, is told by the next one or by a memory."""
    entries = chain(length)
    head = seen(entries)
    at = draw.draw(st.integers(0, length - 1))
    previous = digest(entries[at - 1]) if at else FIRST
    entries[at] = entry(at + 1, previous, draw.draw(st.sampled_from([STRANGER, None])), "nothing happened")

    assert set(faults(entries, head)) & {at + 1, at + 2}


@quick
@given(st.integers(1, 8), st.data())
def test_a_removed_entry_is_reported(length, draw):
    """A hole is reported under its number, also the last one, by whoever saw it before."""
    entries = chain(length)
    head = seen(entries)
    at = draw.draw(st.integers(0, length - 1))

    holed = [*entries[:at], None, *entries[at + 1 :]]
    cut = entries[:at]

    assert faults(holed)[at + 1] == "it is missing: it was removed"
    assert faults(holed, head)[at + 1] == "it is missing: it was removed"
    assert set(faults(cut, head)) == set(range(at + 1, length + 1))


@quick
@given(st.integers(2, 8), st.data())
def test_an_entry_taken_out_and_the_rest_moved_up_is_reported(length, draw):
    """Closing the gap by renaming what follows does not help: each entry says its own number."""
    entries = chain(length)
    head = seen(entries)
    at = draw.draw(st.integers(0, length - 1))
    closed = entries[:at] + entries[at + 1 :]

    assert faults(closed, head)
    if at < length - 1:
        assert faults(closed)[at + 1] == f"it was made as number {at + 2}"


@quick
@given(st.integers(1, 8), st.data())
def test_an_inserted_entry_is_reported(length, draw):
    """An entry put in between pushes the others from their numbers."""
    entries = chain(length)
    at = draw.draw(st.integers(0, length - 1))
    previous = digest(entries[at - 1]) if at else FIRST
    pushed = [*entries[:at], entry(at + 1, previous, STRANGER, "inserted"), *entries[at:]]

    assert set(faults(pushed)) >= set(range(at + 2, length + 2))


@quick
@given(st.integers(2, 8), st.data())
def test_two_swapped_entries_are_reported(length, draw):
    """The order is part of what is told."""
    entries = chain(length)
    one, two = sorted(draw.draw(st.sets(st.integers(0, length - 1), min_size=2, max_size=2)))
    entries[one], entries[two] = entries[two], entries[one]

    assert set(faults(entries)) >= {one + 1, two + 1}


@quick
@given(st.integers(1, 8))
def test_another_whole_chain_is_reported_to_whoever_saw_the_first(length):
    """A log written anew from its first entry on, sound in itself, is not the one that was seen."""
    head = seen(chain(length))

    assert faults(chain(length + 2, (STRANGER,), "another "), head) == {
        length: "it is not the entry that stood here before"
    }


def test_entries_go_on_where_a_removed_one_was():
    """What stands after a hole is judged by itself: one fault is not told as many."""
    entries = chain(5)

    assert set(faults([*entries[:2], None, *entries[3:]])) == {3}


@pytest.mark.parametrize("raw", [b"", b"{}", b"no JSON", b'{"format":2}'])
def test_what_is_no_entry_is_reported_as_changed(raw):
    """An emptied or foreign file in the log is told, and what follows is read all the same."""
    entries = chain(3)
    found = faults([entries[0], raw, entries[2]])

    assert found[2].startswith("it was changed: ")
    assert set(found) == {2, 3}


def test_each_entry_is_opened_by_itself():
    """An entry shows what it says, and whether the key that it names signed it."""
    forged = entry(signer=STRANGER).replace(text(STRANGER).encode(), text(ANNA).encode())

    assert opened(entry())[0].act == "certify"
    assert [opened(each)[1] for each in (entry(), entry(signer=None))] == ["", ""]
    assert opened(forged)[1] == "it was changed: its signature does not fit"
    with pytest.raises(MessageError):
        opened(b"{}")


@pytest.mark.parametrize(
    "value", [AuditEntry.from_object(wire.parse_object(entry(signer=None))), Head(), Head(number=3)]
)
def test_what_is_written_is_read_back(value):
    """Entries and memories come back from the disk as they were written."""
    assert type(value).from_object(wire.parse_object(value.to_json())) == value


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        ("number", 0), ("previous", "x"), ("previous", "A" * 64), ("by", "Anna"), ("key", "short"), ("act", ""),
        ("act", "x" * 81), ("subject", "x" * 301), ("detail", "x" * 2001), ("evidence", "x" * 301), ("at", 7),
    ],
)  # fmt: skip
def test_a_member_that_breaks_its_rule_is_named(member, wrong):
    """The refusal says which member is wrong."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        AuditEntry.from_object({**wire.parse_object(entry(signer=None)), member: wrong})
