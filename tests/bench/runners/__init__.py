"""Who runs jobs: the floor, somabus and the peers. A peer that is not installed is left out, and named."""

from tests.bench.queues import version_of
from tests.bench.runners import bus, floor, huey, persistqueue
from tests.bench.runners.runner import Candidate

ALL: tuple[Candidate, ...] = tuple(each for module in (floor, bus, huey, persistqueue) for each in module.CANDIDATES)


def installed() -> list[Candidate]:
    """Return the candidates that can be run here."""
    return [each for each in ALL if each.needs is None or version_of(each.needs)]
