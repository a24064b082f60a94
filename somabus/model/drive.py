"""What is known of a drive, as measured on it by `somabus doctor`: it chooses the safe variant of each protocol."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from somabus.model.message import Utc, Value


class Drive(Value):
    """Everything is None until it was measured; seconds where it is a time.

    `appears_listed_s`, `appears_opened_s`, `replaced_s`: after how long another machine saw a new name by listing or
    by opening it, and new bytes under an old name. `against`: the agent on that machine, empty if measured alone.
    """

    format: Literal[1] = 1
    kind: str = ""
    network: bool | None = None
    hard_links: bool | None = None
    symbolic_links: bool | None = None
    link_exclusive: bool | None = None
    mkdir_exclusive: bool | None = None
    folder_exclusive: bool | None = None
    open_exclusive: bool | None = None
    claims_exclusive: bool | None = None
    locks: bool | None = None
    locks_across: bool | None = None
    native_events: bool | None = None
    fsync_folders: bool | None = None
    fsync_s: float | None = None
    case_sensitive: bool | None = None
    appears_listed_s: float | None = None
    appears_opened_s: float | None = None
    replaced_s: float | None = None
    clock_offset_s: float | None = None
    measured_at: Utc | None = None
    against: str = ""

    def joined(self, facts: Mapping[str, Any], *, against: str, at: datetime) -> "Drive":
        """Return what is known after a measurement, alone (`against` is empty) or with another agent's machine.

        What two machines have seen broken stays broken until two machines see it hold: one alone sees less.
        """
        broken = {name for name in _RACED if getattr(self, name) is False}
        kept = broken | ({"hard_links"} if "link_exclusive" in broken else set())
        new = {name: fact for name, fact in facts.items() if against or name not in kept}
        return self.model_copy(update={**new, "against": against or self.against, "measured_at": at})


_RACED: Final = frozenset([
    "link_exclusive", "mkdir_exclusive", "folder_exclusive", "open_exclusive", "claims_exclusive",
])  # fmt: skip
