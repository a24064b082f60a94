"""What an operator numbers never goes back, whatever the drive shows later."""

import pytest

from somabus.errors import StoreUnavailableError, TrustError
from somabus.model.envelope import Seal, split
from somabus.model.revocation import Revocations
from somabus.model.wire import parse_object
from somabus.ratchet import Ratchet, Reading
from somabus.store.directory import DirectoryStore
from somabus.store.memory import MemoryStore
from somabus.testing import HandClock
from tests.model.examples import ID, NOW
from tests.model.signed import ANNA, BERT, STRANGER, sealed

KEY = "operator/revocations.json"


def document(number, signer=ANNA, operator="anna"):
    """Return a numbered document as it lies on the drive."""
    return sealed(Revocations(bus=ID, number=number, issued_at=NOW, operator=operator), Seal.REVOCATIONS, signer)


class Reader:
    """One reader: its memory outlives it, and `operators` are those whom it believes."""

    def __init__(self, store=None):
        clock = HandClock()
        self.store, self.home = store or MemoryStore(clock.now), MemoryStore(clock.now)
        self.opened = 0
        self.believe(ANNA)
        self.restart()

    def believe(self, *operators):
        """Have other operators from now on."""
        self.operators, self.epoch = operators, getattr(self, "epoch", 0) + 1

    def restart(self):
        """Begin a new process on the same home."""
        self.ratchet = Ratchet(
            self.store, self.home, parsed=self.parsed, opened=self.verified, epoch=lambda: self.epoch
        )  # fmt: skip

    def parsed(self, raw):
        """Return what the bytes say, whoever signed them."""
        return Revocations.from_object(parse_object(split(raw).body))

    def verified(self, raw):
        """Return what an operator signed."""
        self.opened += 1
        value = self.parsed(raw)
        if not any(split(raw).verified_by(each.public_key, Seal.REVOCATIONS) for each in self.operators):
            raise TrustError("nobody signed it")
        return value

    def read(self, raw=None):
        """Put bytes there, if any are given, and return number and fault."""
        if raw is not None:
            self.store.replace(KEY, raw)
        reading = self.ratchet.read(KEY)
        return reading.value and reading.value.number, reading.fault


@pytest.fixture
def reader():
    """A reader that believes anna."""
    return Reader()


@pytest.fixture(params=[False, True], ids=["the same process", "a new process"])
def then(request, reader):
    """What happens between two looks: nothing, or a restart."""
    return reader.restart if request.param else lambda: None


def test_nothing_was_ever_there(reader):
    """Before the first document there is no value and no fault."""
    assert reader.ratchet.read(KEY) == Reading(None)
    assert reader.ratchet.seen("operator") == []


def test_it_goes_on_and_on(reader, then):
    """Each higher number that is signed holds, and leaving some out does no harm."""
    for number in (1, 2, 7):
        assert reader.read(document(number)) == (number, "")
        then()
    assert reader.ratchet.seen("operator") == [KEY]


def test_an_older_one_put_back_changes_nothing(reader, then):
    """The highest number seen holds, and the one put back is named."""
    reader.read(document(3))
    then()

    assert reader.read(document(2)) == (3, f"{KEY}: number 2 was put back; number 3 was seen before")


def test_another_of_the_same_number_changes_nothing(reader, then):
    """Of two documents with one number, the one seen first holds."""
    first, other = document(3), document(3, operator="annie")
    reader.read(first)
    then()

    assert reader.read(other) == (3, f"{KEY}: number 3 was put beside another of that number; number 3 was seen before")
    assert reader.read(first) == (3, "")


def test_taking_it_away_changes_nothing(reader, then):
    """What was seen holds without its file, and that it was removed is told."""
    reader.read(document(3))
    reader.store.delete(KEY)
    then()

    assert reader.read() == (3, f"{KEY} was removed; number 3 was seen before")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (document(9, STRANGER), "nobody signed it"), (document(9, None), "nobody signed it"), (b"", "the file is empty"),
        (b"{", "no JSON"), (document(9)[:-7], "no JSON"), (b"x" * 2_000_000, "over|bytes"),
    ],
    ids=["by a stranger", "by nobody", "empty", "no json", "cut", "huge"],
)  # fmt: skip
def test_what_nobody_signed_changes_nothing(reader, then, raw, said):
    """A forged, a damaged and an oversized file are told, and what was seen holds; so does a later one that is sound."""
    reader.read(document(3))
    then()

    number, fault = reader.read(raw)

    assert number == 3
    assert any(each in fault for each in said.split("|"))
    assert reader.read(document(4)) == (4, "")


def test_a_first_look_at_a_forgery_is_remembered_by_nobody(reader):
    """What was never sound leaves no value, and the first sound one is taken."""
    assert reader.read(document(9, STRANGER))[0] is None
    assert reader.read(document(1)) == (1, "")


def test_what_has_not_changed_is_verified_once(reader):
    """Looking again at the same bytes costs no signature check."""
    for _ in range(5):
        reader.read(document(3))

    assert reader.opened == 1


def test_could_not_look_is_no_answer(tmp_path):
    """While the drive is away, the reader is told so; it is not told that the document is gone."""
    (tmp_path / "bus.json").touch()
    reader = Reader(DirectoryStore(str(tmp_path), writer="w", marker="bus.json", patience_s=0.01))
    reader.read(document(3))
    (tmp_path / "bus.json").unlink()
    reader.store.delete = reader.store.replace = None  # a reader writes nothing

    (tmp_path / KEY).unlink()
    with pytest.raises(StoreUnavailableError):
        reader.read()


def test_what_was_signed_anew_by_another_goes_on(reader, then):
    """An operator has gone, and another signed anew under the next number: readers take it."""
    reader.read(document(3))
    reader.believe(BERT)
    then()

    assert reader.read(document(4, BERT)) == (4, "")


def test_an_older_one_of_another_operator_is_not_taken_after_one_has_gone(reader, then):
    """The number never goes back, also over the departure of the operator who signed the last one seen."""
    reader.believe(ANNA, BERT)
    older = document(2, BERT)
    reader.read(older)
    reader.read(document(3, ANNA))
    reader.believe(BERT)
    then()

    number, fault = reader.read(older)

    assert "number 2 was put back" in fault
    assert number != 2


def test_what_an_operator_signed_who_has_gone_holds_no_more(reader):
    """A running process drops what a dismissed operator signed, as a new process does."""
    reader.read(document(3))
    reader.believe(BERT)
    running = reader.read()
    reader.restart()

    assert running == reader.read() == (None, f"{KEY}: who signed it is no operator of this bus any more")
