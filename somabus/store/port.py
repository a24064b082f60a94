r"""`Store`: a tree of small documents, the one port between the services and any drive or engine.

Everything above is written once on these verbs. What an adapter must promise is proven by the suite in
`somabus.testing.contract`; how to write one is in docs/architecture.md.

A key is a path of parts joined by `/`. Parts are printable ASCII without `\ / : * ? " < > |`, do not start or end
with a dot or a blank, and are no device of Windows: legal everywhere, and never a way out of the tree.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import lru_cache
from typing import Final, Protocol

from somabus.errors import InvalidKeyError

MAX_BYTES: Final = 1024 * 1024
"""No document of a bus is larger; a larger file is refused unread."""

_PART: Final = (
    r"(?!(?:[cC][oO][nN]|[pP][rR][nN]|[aA][uU][xX]|[nN][uU][lL]|[cC][oO][mM][0-9]|[lL][pP][tT][0-9])(?:\.|/|$))"
    r"[!#-)+\-0-9;=@-\[\]-{}~](?:[ !#-)+-.0-9;=@-\[\]-{}~]{0,198}[!#-)+\-0-9;=@-\[\]-{}~])?"
)
_KEY: Final = re.compile(rf"{_PART}(?:/{_PART})*")
JUNK: Final = frozenset(["thumbs.db", "desktop.ini"])


is_ours: Final = re.compile(r"[0-9][0-9a-z.-]{1,150}\.json").fullmatch
"""Tells whether a name looks like a message's or a log entry's: all of these are parts of keys."""


def is_part(name: str) -> bool:
    """Tell whether a name may be one part of a key; names of the system's own files may not."""
    if is_ours(name) is not None:  # most names of a backlog of a hundred thousand are told at a glance
        return True
    return "/" not in name and name.lower() not in JUNK and _KEY.fullmatch(name) is not None


def is_key(text: str) -> bool:
    """Tell whether a text is a key."""
    return _KEY.fullmatch(text) is not None


_was_key: Final = lru_cache(maxsize=1024)(is_key)  # the few folders of all messages are judged once


def check_key(key: str) -> str:
    """Return the key unchanged if it is one.

    Raises:
        InvalidKeyError: it is none; nothing was touched.
    """
    folder, _, name = key.rpartition("/")
    if not (is_ours(name) and _was_key(folder)) and not _was_key(key):
        raise InvalidKeyError(key, "parts of printable ASCII, no path outside the tree, no device name")
    return key


class Store(Protocol):
    """A tree of small documents.

    Every verb may raise `StoreUnavailableError` (could not look, nothing is known), and the writing ones
    `StoreFullError` and `StoreRefusedError`; after any of them nothing is half written, and a thing reported as
    done before still holds. No verb ever answers "empty" when it could not look.
    """

    def read(self, key: str, *, listed: bool = False) -> bytes | None:
        """Return the document, whole, or None if there is none.

        Args:
            key: which document.
            listed: the caller has seen the name, so absence is looked at again for a bounded time: a file that
                is being replaced is missing for a moment on some drives.

        Raises:
            StoreDamagedError: a folder or a link stands there.
            DocumentTooLargeError: over `MAX_BYTES`; it was not read whole.
        """

    def stamps(self, keys: Sequence[str]) -> list[str | None]:
        """Return for each key a word that stands for the document as it is, or None: read it.

        A word that was said before means that nothing was changed since, whichever process it was said to; after a
        change it never comes again. Another word means nothing, and None may always be the answer: where nothing is,
        where something changed just now, where the drive cannot tell.
        """

    def create(self, key: str, data: bytes) -> None:
        """Make the document exist, whole and durable on return; of several racers one wins.

        Raises:
            KeyExistsError: somebody was first; theirs is unchanged.
        """

    def create_many(self, documents: Iterable[tuple[str, bytes]]) -> None:
        """Make all documents exist, each whole and all durable on return: one group commit.

        The keys must be ones that nobody else can choose (they carry a fresh id), so no race is decided here;
        a key that exists nevertheless is replaced whole. After an error some of them may exist, none in half.
        """

    def replace(self, key: str, data: bytes) -> None:
        """Put new bytes under a key that the caller alone writes; readers see the old ones or the new ones."""

    def move(self, source: str, target: str, *, durable: bool = True) -> None:
        """Move a document to a name that nobody else uses; of several racers one wins.

        A racer on a user-space network client may be told that it won and have lost: who must be sure reads
        the target. With `durable` false a power cut may undo the move; it never loses the document.

        Raises:
            KeyMissingError: it is not there, or another racer won; nothing was changed.
        """

    def delete(self, key: str) -> None:
        """Make the document be gone on return; one that is gone already is no error."""

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> list[str]:
        """Return the names one level below the prefix, sorted, those greater than `after`, at most `limit`.

        An empty answer means that nothing is there.
        """

    def weigh(self, prefix: str) -> int:
        """Return how many bytes the documents below the prefix have in all, or the document there; 0 where nothing is.

        It looks at every one of them: for once a day, not for every beat.
        """

    def prune(self, prefix: str) -> None:
        """Let go of a folder in which nothing is left, where a store has folders; whoever needs it makes it anew."""

    def wait(self, prefix: str, timeout: float) -> bool:
        """Return True as soon as something may have changed below the prefix, False after `timeout` seconds.

        A hint: it may wake for nothing, and the caller looks for itself. The first call for a prefix returns
        at once, so that nothing that came before is slept over.
        """

    def lock(self, name: str) -> AbstractContextManager[bool]:
        """Try to take a mutual exclusion and enter with True; enter with False where another holds it.

        Politeness: it saves vain tries and decides nothing. It is free again when its holder dies.
        """

    def now(self) -> datetime:
        """Return the time by the store's own clock, aware and in UTC: the same for all machines."""
