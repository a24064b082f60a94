"""What is asked of a server, what comes back, and what its refusals mean."""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from somabus.errors import (
    DocumentTooLargeError,
    StoreError,
    StoreFullError,
    StoreRefusedError,
    StoreUnavailableError,
    UnfitServerError,
)

NOBODY: Final = 503
NO_STREAM: Final = 10059
NO_MESSAGE: Final = frozenset([404, 10037, 10043])
WRITTEN_SINCE: Final = frozenset([10071, 10164])
"""The second one where a stream has copies, and another's writing is on its way to them."""

NAME_TAKEN: Final = frozenset([10058, 10065])
"""Another stream has the name, or the subjects."""

_NOT_DELETED: Final = 10057
_NOT_KEPT: Final = 10077
_MEANS: Final[Mapping[int, type[StoreError]]] = {
    10002: StoreFullError,  # the limits of the account
    10023: StoreFullError,  # the limits of the server
    10028: StoreFullError,
    10047: StoreFullError,
    10054: DocumentTooLargeError,
    10039: StoreRefusedError,  # the account has no JetStream
    10109: StoreRefusedError,  # the stream is sealed
}
_NOT_THERE: Final = ("not found", "no message found")
"""The second one is said of a number below the first that is left."""

_WORDS: Final[Mapping[tuple[int, str], type[StoreError]]] = {
    (_NOT_KEPT, "maximum"): StoreFullError,  # the limits of the stream
    (_NOT_KEPT, "no space"): StoreFullError,
    (_NOT_DELETED, "not permitted"): StoreRefusedError,
}
"""Two numbers stand for many things; the words tell which."""


class Question(NamedTuple):
    """What is asked: a subject, bytes and headers; `what` names it in errors."""

    subject: str
    data: bytes = b""
    headers: dict[str, str] | None = None
    what: str = ""


class Answer(NamedTuple):
    """What came back: bytes and headers."""

    data: bytes
    headers: Mapping[str, str]


class Refused(Exception):  # noqa: N818 - it is no fault: the server said no
    """The server's own answer to a request: `code` is its number, `said` its words."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(code, said)
        self.code = code
        self.said = said

    @property
    def nothing_there(self) -> bool:
        """Whether there is no such message."""
        return self.code in NO_MESSAGE or (self.code == _NOT_DELETED and any(each in self.said for each in _NOT_THERE))


def judged(data: bytes, headers: Mapping[str, str]) -> Answer | Refused:
    """Tell an answer from a refusal, which JetStream says in headers or as JSON.

    What carries a sequence is a document, whose other headers are its writer's word.
    """
    if "Nats-Sequence" in headers:
        return Answer(data, headers)
    status = headers.get("Status", "")
    if status.isdigit() and int(status) >= 400:  # noqa: PLR2004 - as in HTTP
        return Refused(int(status), headers.get("Description", ""))
    if b'"error"' in data:
        error = json.loads(data).get("error")
        if error:
            return Refused(int(error.get("err_code", error.get("code", 0))), str(error.get("description", "")))
    return Answer(data, headers)


def no_jetstream(what: str, where: str, domain: str) -> StoreUnavailableError:
    """Return the error for a server at which nobody hears what is asked of JetStream; see docs/scale.md."""
    if domain:
        said = f"nobody answers there for the domain {domain}: the server that has it is away, or it has another name"
        return StoreUnavailableError(what, said if what == where else f"{where}: {said}")
    said = "this server runs without JetStream; start it with -js, or with jetstream { } in its configuration"
    return UnfitServerError(where, f"{said}: docs/scale.md")


def meaning(refused: Refused, what: str, where: str) -> StoreError:
    """Return the store's error for a refusal of a bus; one that is not known says nothing about the document."""
    at = "" if what == where else f"{where}: "
    if refused.code == NOBODY:
        return StoreUnavailableError(what, f"{at}the server has no such stream")
    said = refused.said.lower()
    by_words = (error for (code, word), error in _WORDS.items() if code == refused.code and word in said)
    kind = _MEANS.get(refused.code) or next(by_words, StoreUnavailableError)
    return kind(what, f"{at}{refused.said} [{refused.code}]")
