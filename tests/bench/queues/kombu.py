"""kombu's filesystem transport, under Celery: a file a message, not written aside. To take is to remove."""

from pathlib import Path

from tests.bench.queues.contender import Contender, OneByOne
from tests.bench.row import Guarantees


class Files(OneByOne):
    """A `SimpleQueue` over `filesystem://`."""

    def __init__(self, folder: Path, role: str) -> None:
        from kombu import Connection

        (folder / "data").mkdir(exist_ok=True)
        places = {
            "data_folder_in": folder / "data",
            "data_folder_out": folder / "data",
            "control_folder": folder / "control",
        }
        self._connection = Connection("filesystem://", transport_options={name: str(at) for name, at in places.items()})
        self._queue = self._connection.SimpleQueue("queue")

    def send(self, body: bytes) -> None:
        """Put."""
        self._queue.put(body.decode())

    def receive(self) -> bytes | None:
        """Get and acknowledge."""
        try:
            message = self._queue.get(block=False)
        except self._queue.Empty:
            return None
        message.ack()
        return message.payload.encode()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


CONTENDERS = (
    Contender("kombu filesystem", "none", Files, Guarantees("no", "no", "no", "with locks"), file_each=True, needs="kombu"),
)  # fmt: skip
