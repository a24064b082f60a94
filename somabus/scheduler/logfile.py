"""Where a scheduled beat prints: a file that is turned over before it grows large. A scheduler has no terminal."""

import io
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from somabus.errors import ConfigurationError

MAX_BYTES: Final = 1_000_000
KEPT: Final = 4
"""Files kept beside the one that is written."""


class _Handler(RotatingFileHandler):
    """A log that cannot be written, as on a full disk, stops no beat."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the library's
        """Say nothing: the place to say it is the one that failed."""


class _Lines(io.TextIOBase):
    """Hands on whole lines, each with the time."""

    def __init__(self, handler: logging.Handler) -> None:
        self._handler = handler
        self._left = ""

    def write(self, text: str) -> int:
        *lines, self._left = (self._left + text).split("\n")
        for each in lines:
            self._emit(each)
        return len(text)

    def finish(self) -> None:
        if self._left:
            self._emit(self._left)
            self._left = ""

    def _emit(self, line: str) -> None:
        safe = line.encode(errors="backslashreplace").decode()
        self._handler.emit(logging.makeLogRecord({"msg": safe}))


@contextmanager
def printing_to(path: Path) -> Iterator[None]:
    """Let everything that is printed or logged go to a file.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = _Handler(path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8")
    except OSError as error:
        message = f"the log {path} cannot be written: {error.strerror}"
        raise ConfigurationError(message) from error
    handler.setFormatter(_utc_formatter())
    lines = _Lines(handler)
    logs = [each for each in logging.getLogger("somabus").handlers if isinstance(each, logging.StreamHandler)]
    before = [(each, each.setStream(lines)) for each in logs]
    try:
        with redirect_stdout(lines), redirect_stderr(lines):
            yield
    finally:
        lines.finish()
        for each, stream in before:
            each.setStream(stream or sys.stderr)
        with suppress(OSError):
            handler.close()


def _utc_formatter() -> logging.Formatter:
    formatter = logging.Formatter("%(asctime)sZ %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    return formatter
