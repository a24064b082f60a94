"""Which function handles which kind of message, and the few that need no Python file.

A handler takes the message, or the message and its delivery. What it returns is sent back as an answer: text as
body, a dict as data, None as nothing. If it raises, the message is tried again later.
"""

import inspect
from collections.abc import Callable
from typing import Any, Final

from somabus.delivery import Delivery
from somabus.errors import ConfigurationError
from somabus.model.message import Message
from somabus.model.names import check_name
from somabus.model.trust import Trust

ANY: Final = "*"
Handler = Callable[..., Any]
Check = Callable[[], Any]


class Handlers:
    """The handlers of one agent, by kind."""

    def __init__(self) -> None:
        self._by_kind: dict[str, tuple[Handler, bool]] = {}
        self.checks: dict[str, Check] = {}

    def add(self, kind: str, handler: Handler) -> None:
        """Handle messages of a kind; `*` handles those that nothing else does.

        Raises:
            ConfigurationError: the function takes neither (message) nor (message, delivery).
        """
        if kind != ANY:
            check_name(kind)
        count = sum(
            each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
            for each in inspect.signature(handler).parameters.values()
        )
        if count not in (1, 2):
            message = f"the handler for {kind!r} takes {count} arguments; it must take (message) or (message, delivery)"
            raise ConfigurationError(message)
        self._by_kind[kind] = (handler, count > 1)

    def handles(self, kind: str) -> bool:
        """Tell whether any function handles this kind."""
        return kind in self._by_kind or ANY in self._by_kind

    def handle(self, delivery: Delivery) -> None:
        """Run the handler of a delivered message and answer with what it returns."""
        handler, wants_delivery = self._by_kind.get(delivery.message.kind) or self._by_kind[ANY]
        said = handler(delivery.message, delivery) if wants_delivery else handler(delivery.message)
        # An operator has no inbox: what a human is to read goes to the log, the audit, a goal or an approval.
        if said is not None and not delivery.settled and delivery.trust is not Trust.OPERATOR:
            delivery.reply(**answer(said))

    def tell(self, message: Message) -> bool:
        """Run the handler for a message that nobody needs to acknowledge; False if there is none for its kind."""
        found = self._by_kind.get(message.kind)
        if found is None or found[1]:
            return False
        found[0](message)
        return True


def answer(said: Any) -> dict[str, Any]:
    """Turn what a handler returned into the fields of an answer."""
    if isinstance(said, str):
        return {"body": said}
    return {"data": said if isinstance(said, dict) else {"value": said}}


def run_checks(checks: dict[str, Check]) -> dict[str, str]:
    """Run an agent's own health checks; one that raises has failed, and says so in the heartbeat."""
    found: dict[str, str] = {}
    for name, check in checks.items():
        try:
            said = check()
            found[name] = "ok" if said is None or said is True else "failed" if said is False else str(said)[:400]
        except Exception as error:  # noqa: BLE001 - a check may fail in any way, and that is its answer
            found[name] = f"failed: {type(error).__name__}: {error}"[:400]
    return {name: said.encode(errors="replace").decode() for name, said in found.items()}


def echo(message: Message) -> dict[str, Any]:
    """Answer an echo with what it carried."""
    return {"echo": message.data, "body": message.body}


def acknowledge(message: Message) -> None:
    """Take note and do nothing more."""
