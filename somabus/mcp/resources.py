"""The resources: the inbox, the channels, and each channel, as text. Reading one takes nothing and marks nothing."""

from typing import Final

from somabus.agent import Agent
from somabus.errors import ReferenceNotFoundError
from somabus.lines import letter_line, post_line

INBOX: Final = "somabus://inbox"
CHANNELS: Final = "somabus://channels"
CHANNEL: Final = "somabus://channel/"
_LINES: Final = 50


def uri_of(channel: str) -> str:
    """Return the resource of a channel."""
    return f"{CHANNEL}{channel}"


def is_resource(uri: str) -> bool:
    """Tell whether an address is one of a resource, be it there or not."""
    return uri in (INBOX, CHANNELS) or uri.startswith(CHANNEL)


def read(agent: Agent, uri: str) -> str:
    """Return what a resource shows now.

    Raises:
        ReferenceNotFoundError: there is no such resource.
        StoreUnavailableError: could not look.
    """
    now = agent.inbox.now()
    if uri == INBOX:
        return "\n".join(letter_line(each, now) for each in agent.inbox.peek(_LINES)) or "no mail waits"
    if uri == CHANNELS:
        unread = agent.unread_by_channel()
        return "\n".join(f"{name}: {count} unread" for name, count in unread.items()) or "you follow no channel"
    if not uri.startswith(CHANNEL):
        raise ReferenceNotFoundError("resource", uri)
    reading = agent.peek([uri.removeprefix(CHANNEL)], limit=_LINES)
    lines = [post_line(each, now) for each in (*reading.posts, *reading.faults)]
    return "\n".join([*lines, *(f"note: {each}" for each in reading.notes)]) or "nothing new"
