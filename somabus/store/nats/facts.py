"""What a server says of itself and of the stream of a bus, for people who ask how it does."""

from contextlib import suppress
from typing import Any, NamedTuple

from somabus.errors import StoreRefusedError
from somabus.store.nats.names import takers
from somabus.store.nats.stream import Stream
from somabus.store.nats.talk import Refused, meaning


class Facts(NamedTuple):
    """What a server says.

    Limits are 0 where there is none; `behind` names the replicas that are not up to date, `takers` the streams that
    take what is written to this one.
    """

    where: str
    stream: str
    version: str
    domain: str
    secret: bool
    most_bytes: int
    storage: str
    replicas: int
    behind: tuple[str, ...]
    messages: int
    bytes: int
    stream_limit: int
    account_bytes: int
    account_limit: int
    takers: tuple[str, ...]


def facts_of(stream: Stream) -> Facts:
    """Ask the server.

    Raises:
        StoreError: it does not answer, or does not tell us.
    """
    version, most_bytes, secret = stream.link.server()
    there, account = _asked(stream, f"STREAM.INFO.{stream.name}"), dict[str, Any]()
    with suppress(StoreRefusedError):  # an agent need not know how much its account holds
        account = _asked(stream, "INFO")
    config, state = there["config"], there["state"]
    replicas = (there.get("cluster") or {}).get("replicas") or []
    return Facts(
        where=stream.link.where.replace("nats://", ""),
        stream=stream.name,
        version=version,
        domain=account.get("domain", ""),
        secret=secret,
        most_bytes=most_bytes,
        storage=config["storage"],
        replicas=config["num_replicas"],
        behind=tuple(each["name"] for each in replicas if each.get("offline") or not each.get("current")),
        messages=state["messages"],
        bytes=state["bytes"],
        stream_limit=max(config.get("max_bytes", 0), 0),
        account_bytes=account.get("storage", 0),
        account_limit=max(account.get("limits", {}).get("max_storage", 0), 0),
        takers=takers(stream),
    )


def _asked(stream: Stream, what: str) -> dict[str, Any]:
    try:
        return stream.ask(what, {}, stream.where)
    except Refused as refused:
        raise meaning(refused, stream.where, stream.where) from refused
