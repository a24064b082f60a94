"""A bus's name among servers that are joined and hear one another: two of one name take each other's documents."""

from typing import Final

from somabus.errors import ConfigurationError
from somabus.store.nats.stream import Stream
from somabus.store.nats.subjects import Subjects

_WITHIN_S: Final = 0.5


def takers(stream: Stream) -> tuple[str, ...]:
    """Write once, and return the streams that took it, each with its domain; none where that is not allowed."""
    return tuple(stream.takers(Subjects(stream.name).clock, _WITHIN_S))


def claim(stream: Stream) -> None:
    """Make the stream of a bus, unless it is there.

    Raises:
        ConfigurationError: another stream takes what would be written to it, or a foreign one has the name.
        StoreError: the server does not answer.
    """
    if not stream.is_there() and (others := takers(stream)):
        said = f"{' and '.join(others)} takes what is written to {stream.name}.> already, here or at a server that is"
        message = f"{said} joined to this one, so nothing was made at {stream.where}; if that is the bus, write its"
        raise ConfigurationError(
            f"{message} address with the domain: {stream.name}@DOMAIN; if not, choose another name"
        )
    stream.make()
