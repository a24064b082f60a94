"""Keys as subjects: `messages/scout/inbox/5-….0.json` is `soma.k.messages.scout.inbox.5-…%2E0%2Ejson`.

    <bus>.k.<part>.<part>…    a document
    <bus>.f.<part>.<part>…    a folder: it names what a listing of the folder above shows
    <bus>.m.<part>.<part>…    an intent to move a document
    <bus>.l.<part>…           a lock that somebody holds
    <bus>.clock               what is written to learn the server's time

Dots part the tokens of a subject and blanks end it, so both are written as `%2E` and `%20`, and `%` as `%25`; nothing
else that a key may hold means anything to a server.
"""

from typing import Final

_WRITTEN: Final = {"%": "%25", ".": "%2E", " ": "%20"}
_TABLE: Final = str.maketrans(_WRITTEN)


class Subjects:
    """The subjects of one bus."""

    def __init__(self, bus: str) -> None:
        self._documents = f"{bus}.k"
        self._folders = f"{bus}.f"
        self._intents = f"{bus}.m"
        self._locks = f"{bus}.l"
        self._shown = (f"{self._documents}.", f"{self._folders}.")
        self._bus = bus
        self.clock = f"{bus}.clock"

    def document(self, key: str) -> str:
        """Return the subject of a document."""
        return f"{self._documents}.{_tokens(key)}"

    def folder(self, key: str) -> str:
        """Return the subject that says that there is a folder."""
        return f"{self._folders}.{_tokens(key)}"

    def intent(self, key: str) -> str:
        """Return the subject that says that a document is to be moved."""
        return f"{self._intents}.{_tokens(key)}"

    def lock(self, name: str) -> str:
        """Return the subject of a lock."""
        return f"{self._locks}.{_tokens(name)}"

    @staticmethod
    def folders_above(key: str) -> list[str]:
        """Return the folders that a document lies in, the nearest last."""
        parts = key.split("/")[:-1]
        return ["/".join(parts[: length + 1]) for length in range(len(parts))]

    def one_level(self, prefix: str) -> str:
        """Return the filter for what lies one level below a folder, "" is the root; not all of it is to be shown."""
        return f"{self._bus}.*.{_tokens(prefix)}.*" if prefix else f"{self._bus}.*.*"

    def shows(self, subject: str) -> bool:
        """Tell whether a subject is that of a document or a folder."""
        return subject.startswith(self._shown)

    def below(self, prefix: str) -> str:
        """Return the filter for all documents below a folder, however deep."""
        return f"{self._documents}.{_tokens(prefix)}.>" if prefix else f"{self._documents}.>"

    @staticmethod
    def name(subject: str) -> str:
        """Return the last part of the key that a subject is for."""
        token = subject.rpartition(".")[2]
        for plain, written in reversed(_WRITTEN.items()):
            token = token.replace(written, plain)
        return token


def _tokens(key: str) -> str:
    return ".".join(part.translate(_TABLE) for part in key.split("/"))
