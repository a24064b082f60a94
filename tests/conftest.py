"""What all tests share."""

import gc
import os


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
