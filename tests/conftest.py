"""What all tests share."""

import gc


def pytest_collection_finish(session):
    """Take the thousands of collected tests out of the garbage collector's rounds: they live as long as the run."""
    gc.collect()
    gc.freeze()
