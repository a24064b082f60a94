"""Who is measured: the floor, somabus and the peers. A peer that is not installed is left out, and named."""

from importlib.metadata import PackageNotFoundError, version

from tests.bench.queues import bus, dirq, diskcache, floor, huey, kombu, litequeue, maildir, persistqueue, sqlite
from tests.bench.queues.contender import Contender

_MODULES = (floor, bus, dirq, maildir, persistqueue, huey, litequeue, kombu, diskcache, sqlite)
ALL: tuple[Contender, ...] = tuple(each for module in _MODULES for each in module.CONTENDERS)


def installed() -> list[Contender]:
    """Return the contenders that can be run here."""
    return [each for each in ALL if each.needs is None or version_of(each.needs)]


def left_out() -> list[str]:
    """Name the packages that are not installed."""
    return sorted({each.needs for each in ALL if each.needs is not None and not version_of(each.needs)})


def contender(name: str) -> Contender:
    """Return a contender by its name."""
    return next(each for each in ALL if each.name == name)


def version_of(package: str) -> str:
    """Return the version of an installed package, or nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
