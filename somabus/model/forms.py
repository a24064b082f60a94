"""The forms in which the fields of a draft may be given: each becomes the one that is worked with, or is refused.

A refusal names the field, what was found, and how it is written. It says nothing of bounds: those stand in the format.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from somabus.errors import JobRefusedError
from somabus.model.names import RULE, is_name


class Form(NamedTuple):
    """How a field is given: `take` returns what is worked with, or raises ValueError; `rule` is for people."""

    take: Callable[[Any], Any]
    rule: str

    def taken(self, field: str, value: object) -> Any:
        """Return the value in its one form.

        Raises:
            JobRefusedError: it has none of the forms.
        """
        try:
            return self.take(value)
        except ValueError:
            raise JobRefusedError(f"{field} is {repr(value)[:60]}, and must be {self.rule}") from None


def must(holds: object) -> None:
    """Let a value pass that holds.

    Raises:
        ValueError: it does not.
    """
    if not holds:
        raise ValueError


def _of(kind: type) -> Callable[[Any], Any]:
    def take(value: Any) -> Any:
        must(isinstance(value, kind) and not isinstance(value, bool))
        return value

    return take


def _name(value: Any) -> Any:
    must(is_name(value))
    return value


def _span(value: Any) -> Any:
    must(isinstance(value, timedelta) and value >= timedelta(0))
    return value


def _moment(value: Any) -> Any:
    must(isinstance(value, datetime) and value.tzinfo is not None)
    return value


def _texts(value: Any) -> tuple[str, ...]:
    must(isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping))
    texts = tuple(value)
    must(all(isinstance(each, str) for each in texts))
    return texts


def _id(value: Any) -> str:
    found = getattr(value, "id", value)
    must(isinstance(found, str))
    return str(found)


def _job(value: Any) -> str:
    """Take an address as text, or anything that has one or is one."""
    found = getattr(value, "address", value)
    if isinstance(found, str):
        return found
    must(hasattr(found, "queue") and hasattr(found, "id"))
    return f"{found.queue}/{found.id}"


def _jobs(value: Any) -> tuple[str, ...]:
    must(not isinstance(value, str | bytes | Mapping))
    with suppress(ValueError):  # one alone; an address is a tuple as well
        return (_job(value),)
    must(isinstance(value, Iterable))
    return tuple(map(_job, value))


def _row(*kinds: type) -> Callable[[Any], Any]:
    def take(value: Any) -> Any:
        must(isinstance(value, tuple | list) and len(value) == len(kinds))
        must(all(isinstance(each, kind) for each, kind in zip(value, kinds, strict=True)))
        return tuple(value)

    return take


def _hours(value: Any) -> Any:
    must(isinstance(value, tuple | list) and len(value) in (2, 3))
    return _texts(value)


def _amounts(value: Any) -> Any:
    must(isinstance(value, dict))
    must(all(isinstance(unit, str) and isinstance(each, int | float) for unit, each in value.items()))
    return value


def one_of(kind: type[StrEnum]) -> Form:
    """Return the form of a word that is one of a few."""
    return Form(kind, f"one of {', '.join(kind)}")


TEXT: Final = Form(_of(str), "a text")
WHOLE: Final = Form(_of(int), "a whole number")
OBJECT: Final = Form(_of(dict), 'a dict, as {"page": 7}')
NAME: Final = Form(_name, f"a name: {RULE}")
SPAN: Final = Form(_span, "a span of time that is not below zero, as timedelta(minutes=5)")
MOMENT: Final = Form(_moment, "a moment with its zone, as datetime(2027, 1, 1, tzinfo=UTC)")
TEXTS: Final = Form(_texts, 'several texts, of which one alone is written ("gpu",)')
ID: Final = Form(_id, "an approval, or its id")
JOB: Final = Form(_job, "a job: its receipt, or its address queue/id")
JOBS: Final = Form(_jobs, "a receipt, or several jobs, of which one alone is written [receipt] or [address]")
SLOTS: Final = Form(_row(str, int), 'a key and how many at one time, as ("gpu", 2)')
RATE: Final = Form(
    _row(str, int, timedelta), 'a key, how many, and in which span, as ("api", 10, timedelta(minutes=1))'
)
QUIET: Final = Form(_hours, 'from, to, and the zone if it is not UTC, as ("22:00", "07:00", "Europe/Zurich")')
AMOUNTS: Final = Form(_amounts, 'numbers by their units, as {"tokens": 50000}')
