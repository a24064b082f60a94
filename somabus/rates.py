"""The brake on floods: how much this agent has sent to each place lately, whichever of its processes sent it.

It is kept at home and brought up to date once a second, and after one hundredth of what may go out in an hour, so that
a brake costs a send nothing; a process that ends forgets what it sent since. The policy of the bus says how much is
too much.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import Field

from somabus.authority import Authority
from somabus.errors import DocumentTooLargeError, MessageError, RateLimitError, StoreError
from somabus.model.kinds import NEVER_MUTED
from somabus.model.message import Utc, Value
from somabus.model.rate import Bucket
from somabus.model.wire import parse_object
from somabus.store.port import Store

_FILE: Final = "rates.json"
_FREE: Final = NEVER_MUTED | {"receipt"}
_SYNC_EVERY: Final = timedelta(seconds=1)
_AT_MOST_UNSAVED: Final = 100
"""After one hundredth of an hour's measure it is brought up to date as well, so that short processes are counted."""


class Rest(Value):
    """What was left for one place."""

    left: float
    at: Utc


class Kept(Value):
    """The file at home."""

    format: Literal[1] = 1
    rest: dict[str, Rest] = Field(default_factory=dict)


class Rates:
    """Counts on behalf of one agent."""

    def __init__(self, home: Store, authority: Authority, now: Callable[[], datetime]) -> None:
        self._home = home
        self._authority = authority
        self._now = now
        self._buckets: dict[str, Bucket] = {}
        self._spent: dict[str, int] = {}
        self._unsaved = 0
        self._synced: datetime | None = None

    def spend(self, place: str, kind: str, count: int = 1) -> None:
        """Let so many go out to a place; what must never be muted always may.

        Raises:
            RateLimitError: too much went there lately; nothing more may go out now.
        """
        per_hour = self._authority.bus.policy.rate_per_hour
        if per_hour == 0 or kind in _FREE:
            return
        now = self._now()
        due = self._synced is None or not timedelta(0) <= now - self._synced < _SYNC_EVERY
        if due:
            with suppress(StoreError):  # a disk that fails makes the brake softer
                self._load(per_hour, now)
        bucket = (self._buckets.get(place) or Bucket(per_hour, now)).refilled(per_hour, now)
        refused = bucket.left < 1
        if not refused:
            self._buckets[place] = bucket.spent(count)
            self._spent[place] = self._spent.get(place, 0) + count
            self._unsaved += count
        if due or self._unsaved >= per_hour / _AT_MOST_UNSAVED:
            with suppress(StoreError):
                self._save(per_hour, now)
        if refused:
            raise RateLimitError(place, per_hour, bucket.again_at(per_hour))

    def _load(self, per_hour: int, now: datetime) -> None:
        """Take what other processes of this agent have spent together with what this one has."""
        kept = {place: Bucket(rest.left, rest.at).refilled(per_hour, now) for place, rest in self._kept().items()}
        full = Bucket(per_hour, now)
        places = {**dict.fromkeys(self._spent, full), **kept}
        self._buckets = {place: bucket.spent(self._spent.get(place, 0)) for place, bucket in places.items()}

    def _save(self, per_hour: int, now: datetime) -> None:
        rest = {
            place: Rest(left=each.left, at=each.at) for place, each in self._buckets.items() if each.left < per_hour
        }
        self._home.replace(_FILE, Kept(rest=rest).to_json())
        self._spent, self._unsaved, self._synced = {}, 0, now

    def _kept(self) -> dict[str, Rest]:
        try:
            raw = self._home.read(_FILE)
            return {} if raw is None else Kept.from_object(parse_object(raw)).rest
        except (MessageError, DocumentTooLargeError):
            return {}
