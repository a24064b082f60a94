"""Brings up each drive once a module, and keeps the table that is printed at the end."""

import os
from contextlib import ExitStack, contextmanager

import pytest

from tests.gathering import gathered
from tests.labs.drives import KINDS, Drive, ScriptError
from tests.labs.stage import Stage

CHOSEN = os.environ.get("SOMABUS_LAB_DRIVES", "").split()


@contextmanager
def up(kind, state):
    """Bring a drive up for a while; where guests do not boot, the table says so."""
    try:
        drive = Drive(kind, state)
    except ScriptError as error:
        if not kind.guests:
            raise
        gathered("drives").setdefault(str(kind), {})["away"] = 1
        pytest.skip(f"the guests of {kind} do not boot here: {error}")
    try:
        yield drive
    finally:
        drive.down()


@pytest.fixture(scope="module", params=[kind for kind in KINDS if kind.name in CHOSEN or not CHOSEN], ids=str)
def drive(request, tmp_path_factory):
    """A shared folder as two machines see it, through a real server and two real clients."""
    with up(request.param, tmp_path_factory.mktemp(request.param.name)) as drive:
        yield drive


@pytest.fixture
def stage(drive, tmp_path):
    """A new bus on the drive, and its two machines."""
    with ExitStack() as left_over:
        yield Stage(drive, tmp_path, left_over)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Count for each drive the checks that it passed, and how long they took."""
    report = (yield).get_result()
    kind = getattr(getattr(item, "callspec", None), "params", {}).get("drive")
    if kind is not None and report.when == "call" and not report.skipped:
        row = gathered("drives").setdefault(str(kind), {})
        row["checks"] = row.get("checks", 0) + report.passed
        row["seconds"] = row.get("seconds", 0) + report.duration
