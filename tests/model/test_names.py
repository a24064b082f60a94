"""A name is a legal path part on every drive, or it is refused."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from somabus.errors import InvalidNameError
from somabus.model.names import channel_folder, channel_of, check_name, is_device, is_name, nearest
from somabus.store.port import check_key, is_part
from tests.model.examples import quick

GOOD = ["a", "0", "scout", "a.b", "a..b", "a_b-c", "x" * 64, "console", "com", "com10", "nullable", "lpt", "icon"]
DEVICES = ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))]
BAD = [
    "", " ", ".", "..", "../", "../up", "a/b", "/etc", "a\\b", "c:", "c:/x", "c:x", "C:\\x", "a\n", "\na", "a\nb",
    "a\x00",
    "a b", " a", "a ", "Scout", "SCOUT", "scouT", "é", "\uff41", "\u0430", "a٣", ".hidden", "-dash", "_low", "a.",
    "a..",
    "x" * 65, "x" * 300, "a*", "a?", 'a"', "a|b", "a<b", "a:b", "a=b", "~", "$x",
    "con.txt", "nul.tar.gz", "aux.json", "com1.json", "lpt9.", *DEVICES,
]  # fmt: skip
NAME_SHAPED = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_name_comes_back_unchanged(name):
    """A name by the rule is accepted as it is; nothing is normalised."""
    assert is_name(name)
    assert check_name(name) == name


@pytest.mark.parametrize("name", BAD)
def test_a_bad_name_is_refused(name):
    """What leaves the tree, what Windows takes for a device or a drive, and what differs by case only is no name."""
    assert not is_name(name)


@pytest.mark.parametrize("name", ["../\n", "x" * 300, "Scout"])
def test_the_refusal_says_name_and_rule_in_one_short_line(name):
    """The error carries name and rule as facts; its sentence can neither flood nor forge the output."""
    with pytest.raises(InvalidNameError) as caught:
        check_name(name)

    assert caught.value.name == name
    assert "lower case" in caught.value.rule
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@quick
@given(NAME_SHAPED | st.sampled_from(DEVICES).map(lambda device: f"{device}.json"))
def test_every_name_is_a_legal_part_of_a_key(name):
    """Whatever passes as a name makes a key that the store accepts, and that no other name equals in another case."""
    assume(is_name(name))

    assert check_key(f"registry/{name}/card.json")
    assert name == name.lower()


@pytest.mark.parametrize("name", ["thumbs.db", "desktop.ini"])
def test_every_name_is_seen_by_a_listing(name):
    """An agent that may have a name is listed under it; names that the store hides are refused."""
    assert not is_name(name) or is_part(name)


@quick
@given(
    NAME_SHAPED, st.integers(0, 63), st.characters(blacklist_characters=string.ascii_lowercase + string.digits + "._-")
)
def test_one_foreign_character_is_enough_to_refuse(name, place, character):
    """Any character outside a-z 0-9 . _ - makes a name invalid, wherever it stands."""
    assert not is_name(name[:place] + character + name[place:])


@pytest.mark.parametrize("part", ["con", "CON", "Con.txt", "nul.tar.gz", "COM1", "lpt9.x", "aux."])
def test_a_device_is_known_in_any_case_and_with_any_extension(part):
    """Windows opens the device for `CON.txt` too, and so does the check."""
    assert is_device(part)


@pytest.mark.parametrize("part", ["", "con1", "com10", "xcon", "c.on", "icon.con"])
def test_what_only_resembles_a_device_is_none(part):
    """A name that merely contains a device's name stays usable."""
    assert not is_device(part)


@pytest.mark.parametrize(
    ("channel", "folder"), [("general", "general"), ("arc:wiki", "arc=wiki"), ("a.b:c-d", "a.b=c-d")]
)
def test_a_channel_has_a_folder_without_a_colon(channel, folder):
    """`arc:foo` lies under `arc=foo`, because a colon is no path character on Windows."""
    assert channel_folder(channel) == folder
    assert channel_of(folder) == channel


@pytest.mark.parametrize(
    "folder", ["", "=", "arc=", "=x", "a=b=c", "arc:wiki", "Arc=x", "arc=con", "Thumbs.db", ".nfs01"]
)
def test_a_folder_that_no_channel_has_is_none(folder):
    """What lies among the channels under a name that no channel has is no channel."""
    assert channel_of(folder) is None


@pytest.mark.parametrize(
    "channel", ["", ":", "arc:", ":x", "a:b:c", "arc=x", "arc:con", "Arc:x", "arc:../x", "arc:x\n"]
)
def test_a_bad_channel_is_refused(channel):
    """Each part of a channel's name keeps the rule for names, and there are at most two."""
    with pytest.raises(InvalidNameError):
        channel_folder(channel)


@quick
@given(st.lists(NAME_SHAPED.filter(is_name), min_size=2, max_size=4))
def test_two_channels_never_share_a_folder(parts):
    """Different channels lie in different folders."""
    channels = {parts[0], parts[1], f"{parts[0]}:{parts[1]}", f"{parts[1]}:{parts[0]}", f"{parts[0]}:{parts[-1]}"}

    assert len({channel_folder(channel) for channel in channels}) == len(channels)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("planer", ("planner",)), ("PLANNER", ("planner",)), ("zzz", ()), ("scou", ("scout", "scout-2"))],
)
def test_a_slip_finds_the_name_that_was_meant(typed, meant):
    """A misspelled recipient brings up the near names, in any case of letters, and nothing far-fetched."""
    assert nearest(typed, ["planner", "scout", "scout-2", "archivist"]) == meant


def test_at_most_three_names_are_proposed():
    """The hint stays one line, however many names are alike."""
    assert len(nearest("agent", (f"agent{n}" for n in range(9)))) == 3
