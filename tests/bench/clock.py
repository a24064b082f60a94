"""Timing of a step, in microseconds."""

from collections.abc import Callable
from time import perf_counter


def us(step: Callable[[], object], times: int = 1) -> float:
    """Do a step once and return what it took, divided by how many it did."""
    begun = perf_counter()
    step()
    return (perf_counter() - begun) * 1e6 / times
