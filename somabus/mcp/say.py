"""How mail, posts and receipts are said to a model whole; foreign text without control characters."""

import json
from datetime import datetime

from somabus.lines import post_line
from somabus.model.message import Message
from somabus.model.receipt import Receipt
from somabus.model.text import ago, clean, line, quoted
from somabus.post import Post


def message_text(message: Message, sender: str, now: datetime) -> str:
    """Say a message whole. Each line of its body is quoted, so that none looks like a line of ours."""
    head = f"{message.id} {message.kind} from {sender}, {ago(message.created_at, now)}"
    refs = ", ".join(f"{name} {value}" for name, value in message.refs.items() if value)
    lines = [head + (f" ({refs})" if refs else "")]
    lines += [f"subject: {line(message.subject, 200)}"] if message.subject else []
    lines += [f"expires: {message.expires_at:%Y-%m-%d %H:%M} UTC"] if message.expires_at else []
    lines += [quoted(clean(message.body))] if message.body else []
    lines += [json.dumps(message.data, ensure_ascii=True)] if message.data else []
    return "\n".join(lines)


def post_text(post: Post, now: datetime) -> str:
    """Say a post whole."""
    if post.opened is None:
        return post_line(post, now)
    fault = f"[not to be acted on: {line(post.fault, 150)}]\n" if post.fault else ""
    return f"{fault}{post.address} {message_text(post.opened.message, post.sender, now)}"


def receipt_text(receipt: Receipt) -> str:
    """Say what became of a message that was sent or posted."""
    return clean(str(receipt))
