"""What all tests share."""

import gc
import os
from importlib import import_module

import pytest

from tests.gathering import gathered, receive, send

SUMMARIES = {
    "kept": "tests.attacks.summary",
    "jobs": "tests.jobs.summary",
    "points": "tests.crashes.summary",
    "thrown": "tests.hostile.summary",
    "drives": "tests.labs.summary",
    "years": "tests.year.summary",
}


def pytest_configure(config):
    """Let the default run force nothing to the disk.

    No test cuts the power, and that each step is forced in its order is asserted where the steps are taken; doing it
    for real in thousands of tests costs minutes on a slow disk. Processes that tests start do it, and so do the slow
    tests and the labs.
    """
    if "not slow" in config.getoption("markexpr"):
        os.fsync = lambda fd: os.fstat(fd) and None


def pytest_collection_finish(session):
    """Take the thousands of collected tests out of the garbage collector's rounds: they live as long as the run."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session):
    """Hand on what was written down for the summary."""
    send(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take what a process of the run has written down for the summary."""
    receive(getattr(node, "workeroutput", {}))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """Make what a test has logged fit to be handed to another process: some log what no encoding can write."""
    report = (yield).get_result()
    report.sections = [(name, said.encode(errors="backslashreplace").decode()) for name, said in report.sections]


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter):
    """Print what was counted."""
    for name, module in SUMMARIES.items():
        if gathered(name):
            for line in import_module(module).lines(gathered(name)):
                terminalreporter.write_line(line)
