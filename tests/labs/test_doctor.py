"""P16 on real shared drives: the doctor's verdicts are those that were measured by hand, drive by drive."""

import threading
from typing import NamedTuple

import pytest

from somabus import Agent, create_bus
from somabus.doctor.finding import Weight
from somabus.doctor.visit import Visit
from somabus.errors import SomabusError
from somabus.home import Drives
from tests.labs.test_two_machines import until

pytestmark = pytest.mark.lab


class Known(NamedTuple):
    """What holds on a drive, and between which seconds a new name and new bytes are seen on the other machine."""

    facts: dict[str, object]
    listed_s: tuple[float, float]
    opened_s: tuple[float, float]
    replaced_s: tuple[float, float]


COMMON = {
    "network": True,
    "mkdir_exclusive": True,
    "folder_exclusive": True,
    "claims_exclusive": True,
    "locks_across": False,
    "native_events": False,
}
MEASURED = {
    "sshfs": Known(
        {
            **COMMON, "kind": "fuse.sshfs", "hard_links": True, "symbolic_links": True, "link_exclusive": True,
            "open_exclusive": True, "case_sensitive": True,
        },
        listed_s=(10, 25),
        opened_s=(0, 3),
        replaced_s=(0, 3),
    ),
    "smbnetfs": Known(
        {
            **COMMON, "kind": "fuse.smbnetfs", "hard_links": False, "symbolic_links": False, "link_exclusive": None,
            "open_exclusive": False, "case_sensitive": False,
        },
        listed_s=(0, 3),
        opened_s=(0, 3),
        replaced_s=(0, 3),
    ),
}  # fmt: skip


def joined(place, home, name):
    """Join from a machine, if it sees the bus already."""
    try:
        return Agent(name, bus=place, home=home, durability="none")
    except SomabusError:
        return None


def test_the_verdicts_are_those_that_were_measured(shared, capsys):
    """Alone and with the other machine, the doctor finds on this drive what was measured on it; nothing is an error."""
    name, a, b, homes = shared
    create_bus(a)
    scout = joined(a, homes[0], "scout")
    until(lambda: joined(b, homes[1], "planner"), "machine b sees the bus")
    until(lambda: any(peer.name == "planner" for peer in scout.peers()), "machine a sees planner")
    here, there, answered = Visit(str(a), str(homes[0])), Visit(str(b), str(homes[1])), []
    other = threading.Thread(target=lambda: answered.append(there.answer("planner", wait_s=120)), daemon=True)
    other.start()

    found = [*here.drive(), *here.between("scout", "planner", wait_s=120)]
    other.join(180)

    drive, known = Drives(homes[0], "test").recall(str(a)), MEASURED[name]
    with capsys.disabled():
        print(f"\n{name}:")
        for each in found:
            print(f"  {each.weight:8} {each.name:15} {each.cause}")
    assert {fact: getattr(drive, fact) for fact in known.facts} == known.facts
    for fact in ("appears_listed_s", "appears_opened_s", "replaced_s"):
        least, most = getattr(known, fact.removeprefix("appears_"))
        assert least <= getattr(drive, fact) <= most, fact
    assert [each for each in found if each.weight in (Weight.WARNING, Weight.ERROR)] == []
    assert [asker for asker, _ in answered] == ["scout"]
    until(lambda: all(not list((place / "tmp").glob("doctor*")) for place in (a, b)), "nothing is left in tmp/")
    shared_facts = set(known.facts) & {"locks_across", "native_events", "open_exclusive", "claims_exclusive"}
    assert {fact: getattr(answered[0][1], fact) for fact in shared_facts} == {f: known.facts[f] for f in shared_facts}
