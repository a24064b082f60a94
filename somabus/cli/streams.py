"""What goes through the command's pipes: no character is lost, and none stops the command.

Windows gives a pipe its old code page: most of the world's characters cannot be written to it, and who reads JSON
expects UTF-8 there.
"""

import codecs
import io
import sys
from typing import Final

from somabus.errors import ConfigurationError

_ESCAPED: Final = "somabus.escaped"


def prepare(*, as_json: bool) -> None:
    """Let what is printed take every character: what a pipe cannot hold is escaped as in JSON, and in JSON all is."""
    codecs.register_error(_ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and codecs.lookup(stream.encoding).name != "utf-8":
            stream.reconfigure(encoding="ascii" if as_json else None, errors=_ESCAPED)


def text_of(source: str) -> str:
    """Return a text given on the command line; `-` stands for what comes on standard input, in UTF-8.

    Raises:
        ConfigurationError: it is no UTF-8.
    """
    if source != "-":
        return source
    raw = sys.stdin.buffer.read()
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")  # Windows PowerShell begins with the mark of UTF-8
    except UnicodeDecodeError as error:
        message = f"standard input is no UTF-8 text ({error}); in PowerShell: $OutputEncoding = [Text.Encoding]::UTF8"
        raise ConfigurationError(message) from error


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Write characters as JSON does, those beyond 16 bits as two."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)), error.end
