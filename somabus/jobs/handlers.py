"""Which function runs jobs of which name, what comes again and again, and what a worker may be told.

A mistake is told where it is made, at registration, and not by the first job that meets it.
"""

import inspect
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Final

from somabus.errors import ConfigurationError
from somabus.model.job import JobDraft
from somabus.model.names import RULE, check_name, is_name
from somabus.model.schedule import Schedule
from somabus.model.ticket import LONGEST_LEASE_MS

JobFunction = Callable[..., Any]
LEAST_LEASE: Final = timedelta(seconds=1)
"""A shorter lease would end between two renewals, and several workers would run one job at once."""

_ALONE: Final = {"key", "slot", "label", "parent", "not_before"}
"""What holds for one job and cannot be said of all that a schedule submits."""


class JobHandlers:
    """The job handlers of one agent, by name, and the drafts of those that have a schedule."""

    def __init__(self) -> None:
        self.functions: dict[str, JobFunction] = {}
        self.slots: list[JobDraft] = []

    def add(self, name: str, function: JobFunction, slot: JobDraft | None = None) -> None:
        """Run jobs of a name with a function; with a slot, a worker of its queue submits one for each.

        Raises:
            ConfigurationError: it is no plain function of one argument, or the name has another one already.
        """
        _check_function(name, function)
        known = self.functions.setdefault(name, function)
        if known is not function:
            message = f"jobs named {name!r} have a handler, {_called(known)}; {_called(function)} needs another name"
            raise ConfigurationError(message)
        if slot is not None:
            self.slots.append(slot)


def named(name: object) -> str:
    """Return the name that a handler is registered under.

    Raises:
        ConfigurationError: there is none: `@agent.handler` stands without its brackets.
        InvalidNameError: it breaks the rule for names.
    """
    if not isinstance(name, str):
        message = f'@agent.handler needs the name of its jobs; write: @agent.handler("{_called(name)}")'
        raise ConfigurationError(message)
    return check_name(name)


def slot_of(name: str, every: str | None, fields: dict[str, Any]) -> JobDraft | None:
    """Return what is submitted for each slot of a schedule; None if there is none.

    Raises:
        ConfigurationError: that is no schedule, or something is said that does not hold for all that it submits.
        JobRefusedError: a field has no form of its kind.
    """
    if every is None:
        wrong, why = (
            set(fields),
            "says what a schedule submits, and there is none: give every= as well, or leave it out",
        )
    else:
        wrong, why = _ALONE & set(fields), "holds for one job alone, and a schedule submits many: leave it out"
        Schedule.parse(every)
    for field in sorted(wrong):
        message = f"{field} of the handler for {name!r} {why}"
        raise ConfigurationError(message)
    return None if every is None else JobDraft(name, slot=every, **fields)


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return what a worker says of itself.

    Raises:
        ConfigurationError: they are no tags.
    """
    found = () if isinstance(tags, str) or not isinstance(tags, Iterable) else tuple(tags)
    if tags and not (found and all(map(is_name, found))):
        message = f'tags of a worker are {repr(tags)[:60]}; write several, as ("gpu",), each of {RULE}'
        raise ConfigurationError(message)
    return found


def checked_lease(lease_for: timedelta) -> timedelta:
    """Return how long a job is a worker's if that vanishes.

    Raises:
        ConfigurationError: too short to be renewed in time, or so long that it counts as none.
    """
    if not LEAST_LEASE <= lease_for <= timedelta(milliseconds=LONGEST_LEASE_MS):
        message = f"a lease lasts from 1s, to be renewed in time, to 1d, not {lease_for.total_seconds():g} s"
        raise ConfigurationError(message)
    return lease_for


def _check_function(name: str, function: Any) -> None:
    if not callable(function):
        message = (
            f"the handler for {name!r} is {repr(function)[:60]}, which is no function; write: def {name}(ctx): ..."
        )
        raise ConfigurationError(message)
    for kind, told in _NOT_PLAIN.items():
        if told(function) or told(type(function).__call__):
            message = f"{_called(function)}, the handler for {name!r}, is {kind}; write a plain function: def"
            raise ConfigurationError(message)
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        message = f"{_called(function)}, the handler for {name!r}, must take one argument, as in: def run(ctx): ..."
        raise ConfigurationError(message) from None
    except ValueError:  # written in C, it does not say what it takes
        return


_NOT_PLAIN: Final[dict[str, Callable[[Any], bool]]] = {
    "an async function": lambda function: inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function),
    "a generator": inspect.isgeneratorfunction,
}


def _called(function: object) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
