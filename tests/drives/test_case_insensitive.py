"""A drive that does not tell A from a: nothing is overwritten, and nothing foreign is served as mail."""

import os

import pytest

from somabus.errors import KeyExistsError
from somabus.model.slot import Event as Ending
from somabus.model.slot import Slot, done_name
from tests.drives.conftest import make_store
from tests.model.examples import ID


@pytest.fixture
def drive(fs):
    """A drive that keeps the case of names and ignores it."""
    fs.is_case_sensitive = False
    fs.create_dir("/bus")
    return "/bus"


def test_a_document_of_another_case_is_not_overwritten(drive, fs):
    """A key that is taken in another case is taken: creation is refused, and what is there stays as it is."""
    fs.create_file("/bus/box/A.JSON", contents="theirs")

    with pytest.raises(KeyExistsError):
        make_store(drive).create("box/a.json", b"mine")

    assert os.listdir("/bus/box") == ["A.JSON"]
    assert fs.get_object("/bus/box/A.JSON").byte_contents == b"theirs"


def test_a_message_in_another_case_is_not_served(drive, fs):
    """A file that some tool renamed to capitals is listed as it is, and is no message under that name."""
    name = Slot(5, ID).name
    fs.create_file(f"/bus/box/{name.upper()}", contents="{}")

    listed = make_store(drive).list("box")

    assert listed == [name.upper()]
    assert [Slot.parse(each) for each in listed] == [None]


def test_a_listing_shows_one_name_a_document(drive):
    """A document that was made, replaced and made again in vain is one name, in the case it was made with."""
    store = make_store(drive)
    store.create("box/a.json", b"1")
    store.replace("box/a.json", b"2")
    with pytest.raises(KeyExistsError):
        store.create("BOX/A.json", b"3")

    assert (store.list("box"), store.read("box/a.json")) == (["a.json"], b"2")


@pytest.mark.parametrize("ending", [Ending.ACK, Ending.EXPIRE])
def test_what_is_done_is_found_again(drive, ending):
    """The name of a handled message is found as it was written: a copy put back later is recognised."""
    store = make_store(drive)
    store.create(f"done/{done_name(ID, ending)}", b"")

    assert store.list("done") == [done_name(ID, ending)]
