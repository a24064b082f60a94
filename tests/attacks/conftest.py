"""Plays each attack once a run, and prints the table of attacks and outcomes at the end."""

import pytest

from tests.attacks.attack import DASH, PROMISES, play
from tests.attacks.scene import Scene, found_bus
from tests.attacks.table import ATTACKS
from tests.gathering import gathered

_PLAYED: dict[str, object] = {}
_KEPT: dict[str, dict[str, str]] = gathered("kept")


@pytest.fixture(scope="session")
def founded(tmp_path_factory):
    """The bus that every attack is played on a copy of."""
    return found_bus(tmp_path_factory.mktemp("founded"))


@pytest.fixture
def played(attack, founded, tmp_path_factory):
    """What came of the attack, or what went wrong in playing it; each promise looks at the same ruins."""
    if attack.name not in _PLAYED:
        try:
            _PLAYED[attack.name] = play(attack, Scene(founded, tmp_path_factory.mktemp("attack")))
        except Exception as error:  # noqa: BLE001 - it fails each of the promises
            _PLAYED[attack.name] = error
    return _PLAYED[attack.name]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Note for each attack which promises held."""
    report = (yield).get_result()
    params = getattr(getattr(item, "callspec", None), "params", {})
    if report.when == "call" and "attack" in params and "promise" in params:
        word = "yes" if report.passed else "not yet" if report.skipped else "BROKEN"
        _KEPT.setdefault(params["attack"].name, {})[params["promise"]] = word


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter):
    """Print the table."""
    shown = [each for each in ATTACKS if each.name in _KEPT]
    if not shown:
        return
    write = terminalreporter.write_line
    write(f"attacks played against real agents on a real folder: {len(shown)}")
    write("  " + "  ".join(f"{promise:8}" for promise in PROMISES))
    for attack in shown:
        cells = [_cell(attack, promise) for promise in PROMISES]
        write("  " + "  ".join(f"{cell:8}" for cell in cells) + f"  {attack.name}: {attack.outcome}")


def _cell(attack, promise):
    said = _KEPT[attack.name].get(promise, "not run")
    return DASH if said == "yes" and attack.cell(promise).startswith(DASH) else said
