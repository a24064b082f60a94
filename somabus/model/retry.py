"""When a message that failed is tried again, and when no more."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from somabus.errors import ConfigurationError
from somabus.model.slot import ATTEMPTS_A_LIFE

_DOUBLINGS: Final = 32  # far past every cap, and no float overflows


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with jitter, and a bounded number of attempts.

    An attempt is a claim: a holder that died counts like one that failed, so a message that kills its
    handler ends in the dead letters and not in a circle.
    """

    max_attempts: int = 5
    base: timedelta = timedelta(seconds=30)
    cap: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        if not 1 <= self.max_attempts < ATTEMPTS_A_LIFE or self.base < timedelta(0) or self.cap < self.base:
            message = f"{self} is no retry policy: 1 to {ATTEMPTS_A_LIFE - 1} attempts, and 0 <= base <= cap"
            raise ConfigurationError(message)

    def exhausted(self, attempt: int) -> bool:
        """Tell whether the attempt of this number, 1 being the first, was the last one."""
        return attempt >= self.max_attempts

    def delay(self, attempt: int, dice: float) -> timedelta:
        """Return the wait after the failed attempt: base doubled each time, capped, the upper half by dice in [0, 1).

        Half of the wait is kept and half is random ("equal jitter", Marc Brooker, AWS Architecture Blog, 2015), so
        that messages that failed together do not come back together, and none comes back at once.
        """
        doubled = self.base.total_seconds() * 2.0 ** min(max(attempt - 1, 0), _DOUBLINGS)
        full = min(self.cap, timedelta(seconds=min(doubled, self.cap.total_seconds())))
        return full / 2 + full / 2 * dice
