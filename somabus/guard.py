"""The guard before the inbox: nothing is taken while a human has stopped it, nothing protected without an approval."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from somabus.authority import Authority
from somabus.errors import NotApprovedError
from somabus.halt import Halt
from somabus.model.deadletter import Reason
from somabus.model.message import Message
from somabus.model.trust import Trust
from somabus.opener import Opened, Refusal

if TYPE_CHECKING:
    from somabus.approvals import Approvals
    from somabus.model.approval import Covered


class Guard:
    """Guards one agent's mail."""

    def __init__(self, authority: Authority, halt: Halt, approvals: "Callable[[], Approvals]") -> None:
        self._authority = authority
        self._halt = halt
        self._approvals = approvals

    def begin(self, entry: str) -> frozenset[str]:
        """Look what the humans rule now, and let an entry point pass; see `stopped_kinds`."""
        self.refresh()
        return self.stopped_kinds(entry)

    def refresh(self) -> None:
        """Look what the humans rule now."""
        self._authority.refresh()

    def stopped_kinds(self, entry: str) -> frozenset[str]:
        """Let an entry point pass, and return the kinds of work that must be left where they are.

        Raises:
            StoppedError: a human stopped it.
            StoreUnavailableError: could not look.
        """
        return self._halt.check(entry)

    def refusal(self, opened: Opened) -> Refusal | None:
        """Say why a message may not be delivered for want of an approval, or None if it may; nothing is used up."""
        return self._covered(opened, spend=False)

    def spend(self, opened: Opened) -> Refusal | None:
        """Use up the approval of a message that is about to be delivered, or say why it may not be."""
        return self._covered(opened, spend=True)

    def finish(self, message: Message) -> None:
        """Note that a message was handled to its end and acknowledged: no copy of it is covered by its approval."""
        if message.kind in self._authority.bus.policy.protected:
            self._approvals().finish(_covered(message))

    def _covered(self, opened: Opened, *, spend: bool) -> Refusal | None:
        protected = opened.message.kind in self._authority.bus.policy.protected
        if not protected or opened.trust is Trust.OPERATOR:
            return None
        try:
            self._approvals().cover(_covered(opened.message), spend=spend)
        except NotApprovedError as error:
            return Refusal(Reason.NOT_APPROVED, str(error))
        return None


def _covered(message: Message) -> "Covered":
    from somabus.model.approval import Covered  # a beat with nothing to do loads none

    return Covered.mail(message)
