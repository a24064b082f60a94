"""Timing of a step."""

from collections.abc import Callable
from time import perf_counter


def us(step: Callable[[], object], times: int = 1) -> float:
    """Do a step once and return what it took in microseconds, divided by how many it did."""
    begun = perf_counter()
    step()
    return (perf_counter() - begun) * 1e6 / times


def ms(step: Callable[[], object]) -> float:
    """Do a step once and return what it took in milliseconds."""
    return us(step) / 1000
