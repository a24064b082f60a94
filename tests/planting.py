"""Putting a message of one's own making into an inbox, as anybody with access to the folder can."""

import os

from somabus.model.envelope import Seal, seal_body
from somabus.model.ids import IdMaker
from somabus.model.message import Message
from somabus.model.slot import Slot

_IDS = IdMaker(os.urandom)


def plant(world, to, *, sender, sign, seal=Seal.MESSAGE, store=None, **members):
    """Write a message into an inbox, signed by `sign` or by nobody; return its id."""
    message_id = members.pop("id", None) or _IDS.make(world.clock.now())
    facts = {
        "bus": world.bus.bus, "id": message_id, "kind": "note", "sender": sender, "to": (to,),
        "created_at": world.clock.now(), "thread": message_id, "origin": message_id, "body": "planted",
    }  # fmt: skip
    body = Message(**{**facts, **members}).encode()
    data = body if sign is None else seal_body(body, seal, sign)
    (store or world.store).create_many([(f"messages/{to}/inbox/{Slot(5, message_id).name}", data)])
    return message_id
