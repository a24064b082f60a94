"""Plays each attack once a run, and prints the table of attacks and outcomes at the end."""

import pytest

from tests.attacks.attack import play
from tests.attacks.scene import Scene, found_bus
from tests.gathering import gathered

_PLAYED: dict[str, object] = {}


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
        gathered("kept").setdefault(params["attack"].name, {})[params["promise"]] = word
