"""What a server says of itself and of the stream of a bus, for people who ask how it does."""

import json
from typing import Any, Final, NamedTuple

from somabus.store.nats.link import Link, Question

_API: Final = "$JS.API"


class Facts(NamedTuple):
    """What a server says. Limits are 0 where there is none; `behind` names the replicas that are not up to date."""

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


def facts_of(link: Link, bus: str) -> Facts:
    """Ask the server.

    Raises:
        Refused: it does not tell us.
        StoreUnavailableError: it does not answer.
    """
    account, stream = _asked(link, "INFO"), _asked(link, f"STREAM.INFO.{bus}")
    config, state = stream["config"], stream["state"]
    replicas = (stream.get("cluster") or {}).get("replicas") or []
    return Facts(
        where=link.where.replace("nats://", ""),
        stream=bus,
        version=link.version,
        domain=account.get("domain", ""),
        secret=link.secret,
        most_bytes=link.most_bytes,
        storage=config["storage"],
        replicas=config["num_replicas"],
        behind=tuple(each["name"] for each in replicas if each.get("offline") or not each.get("current")),
        messages=state["messages"],
        bytes=state["bytes"],
        stream_limit=max(config.get("max_bytes", 0), 0),
        account_bytes=account.get("storage", 0),
        account_limit=max(account.get("limits", {}).get("max_storage", 0), 0),
    )


def _asked(link: Link, what: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(link.ask(Question(f"{_API}.{what}")).data)
    return found
