"""kombu's filesystem transport, under Celery: a file a message, not written aside. To take is to move it away."""

from pathlib import Path

from tests.bench.queues.contender import Contender, OneByOne
from tests.bench.row import Guarantees

_FOLDERS = {
    "data_folder_in": "data",
    "data_folder_out": "data",
    "control_folder": "control",
    "processed_folder": "done",
}


class Files(OneByOne):
    """A `SimpleQueue` over `filesystem://`."""

    def __init__(self, folder: Path, role: str) -> None:
        from kombu import Connection

        places = {option: folder / name for option, name in _FOLDERS.items()}
        for place in places.values():
            place.mkdir(exist_ok=True)
        options = {option: str(place) for option, place in places.items()}
        # What is processed stays on the drive that is measured; by default it goes through the temporary folder.
        self._connection = Connection("filesystem://", transport_options={**options, "store_processed": True})
        # What is bound to what it remembers for the whole process, and would not write it down in a further folder.
        self._connection.transport.state.clear()
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
    Contender("kombu filesystem", "none", Files, Guarantees("no", "no", "no", "not promised"), file_each=True, needs="kombu"),
)  # fmt: skip
