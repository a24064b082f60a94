"""Waiting for what a server brings about, with a deadline."""

import threading
import time

import pytest

from somabus.errors import StoreUnavailableError


def until(seen, what, deadline_s=30):
    """Try until something is so; a store that cannot look yet is tried again."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        try:
            if seen():
                return
        except StoreUnavailableError:
            pass
        threading.Event().wait(0.05)
    pytest.fail(f"in vain: {what}")
