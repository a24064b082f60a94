"""P16 on real shared drives: the doctor's verdicts are those that were measured by hand, drive by drive."""

import threading
from pathlib import Path

import pytest

from somabus import Agent, create_bus
from somabus.doctor.finding import Weight
from somabus.doctor.visit import Visit
from somabus.errors import SomabusError
from somabus.home import Drives
from tests.labs.conftest import up
from tests.labs.drives import KINDS
from tests.labs.measured import MEASURED, check
from tests.labs.stage import until

pytestmark = pytest.mark.lab


def nothing_left(folder):
    """Tell whether the doctor has left nothing; a client of a busy server may not answer at once."""
    try:
        return not list(folder.glob("doctor*"))
    except OSError:
        return False


@pytest.fixture(params=[kind for kind in KINDS if kind.name in ("sshfs", "smbnetfs")], ids=str)
def shared(request, tmp_path):
    """A new place on a drive whose two machines are on this host, and their homes."""
    with up(request.param, tmp_path) as drive:
        one, other = drive.machines(tmp_path / "homes")
        yield request.param.name, Path(one.bus), Path(other.bus), (one.home, other.home)


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

    with capsys.disabled():
        print(f"\n{name}:")
        for each in found:
            print(f"  {each.weight:8} {each.name:15} {each.cause}")
    check(name, Drives(homes[0], "test").recall(str(a)))
    assert [each for each in found if each.weight in (Weight.WARNING, Weight.ERROR)] == []
    assert [asker for asker, _ in answered] == ["scout"]
    until(lambda: all(nothing_left(place / "tmp") for place in (a, b)), "nothing is left in tmp/")
    remembered = answered[0][1]
    for fact in ("locks_across", "native_events", "claims_exclusive"):
        assert getattr(remembered, fact) == MEASURED[name].facts[fact], fact
