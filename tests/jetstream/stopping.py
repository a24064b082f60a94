"""How a mover is stopped at a step of one's choosing: its process dies, it stands still, or its connection breaks."""

from somabus.errors import StoreUnavailableError
from somabus.store.nats import Link, NatsStore
from somabus.testing import Crash, Fuse

_LOOKS = (".DIRECT.GET.", ".STREAM.INFO.")


class StoppingLink(Link):
    """A process that asks one after the other, until the fuse burns; looking is no step, for it changes nothing."""

    def __init__(self, servers, fuse):
        super().__init__(servers)
        self.fuse = fuse

    def ask_all(self, questions):
        """See `Link.ask_all`."""
        return [answer for each in questions for answer in self._one(each)]

    def _one(self, question):
        if not any(each in question.subject for each in _LOOKS):
            self.fuse.step()
        return super().ask_all([question])


def dying(server, store, at, **options):
    """A store on the same bus, in a process that dies at a step."""
    return NatsStore(StoppingLink([server.url], Fuse(at)), store._subjects._documents[:-2], **options)


def cut_off(server, store, target, at):
    """Move `in/a` with a process that dies at a step."""
    mover = dying(server, store, at)
    try:
        mover.move("in/a", target)
    except Crash:
        pass
    mover.close()


def stall(store, step, meanwhile):
    """Let a mover stand still before a step, once, while something else happens."""
    do = getattr(store._tree, step)

    def stalled(*args):
        setattr(store._tree, step, do)
        meanwhile()
        return do(*args)

    setattr(store._tree, step, stalled)


def break_off(store, step, *, done=False):
    """Let the connection break at a step, once: before it, or behind it, so that the answer is lost."""
    do = getattr(store._tree, step)

    def broken(*args):
        setattr(store._tree, step, do)
        if done:
            do(*args)
        raise StoreUnavailableError("in/a", "the connection broke")

    setattr(store._tree, step, broken)
