"""The side channel: the unread count rides on the answer of any function, so that whoever uses it cannot miss mail."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, ParamSpec

P = ParamSpec("P")
KEY: Final = "_inbox_unread"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a function returned that was no dict, as it was, and the unread count beside it."""

    result: Any
    inbox_unread: int | None

    def __str__(self) -> str:
        return f"{self.result}\n{KEY}: {'could not look' if self.inbox_unread is None else self.inbox_unread}"


def with_unread(function: Callable[P, Any], count: Callable[[], int | None]) -> Callable[P, Any]:
    """Return the function with the unread count on its answer: as a member of a dict, else beside the result.

    An exception goes through as it is, with the count as a note. A coroutine function stays one; it counts in a thread.

    Args:
        function: sync or async.
        count: counts; None where nobody could look, which is not zero.
    """
    if inspect.iscoroutinefunction(function):
        return functools.wraps(function)(_awaited(function, count))

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            error.add_note(f"{KEY}: {count()}")
            raise
        return _told(result, count())

    return wrapped


def _awaited(function: Callable[P, Awaitable[Any]], count: Callable[[], int | None]) -> Callable[P, Awaitable[Any]]:
    import asyncio

    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            result = await function(*args, **kwargs)
        except Exception as error:
            error.add_note(f"{KEY}: {await asyncio.to_thread(count)}")
            raise
        return _told(result, await asyncio.to_thread(count))

    return wrapped


def _told(result: Any, unread: int | None) -> Any:
    return {**result, KEY: unread} if isinstance(result, dict) else Answered(result, unread)
