"""What goes wrong while a command goes on: log records, told on stderr in the words of the command line."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from somabus.model.text import clean, line

_MOST: Final = 1000


@contextmanager
def warned() -> Iterator[None]:
    """Tell on stderr what is logged in here."""
    handler, log = logging.StreamHandler(), logging.getLogger("somabus")
    handler.setFormatter(_Formatter())
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


class _Formatter(logging.Formatter):
    """Writes a log record for a terminal: its facts in the line, no control characters."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and what was raised below it."""
        facts = [
            line(str(getattr(record, name)), _MOST)
            for name in ("message_id", "job", "reason", "detail")
            if hasattr(record, name)
        ]
        return clean(": ".join(["somabus", super().format(record).split("\n", 1)[0], *facts]) + _raised(record))


def _raised(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    return f" ({type(error).__name__}: {line(str(error), _MOST)})" if error else ""
