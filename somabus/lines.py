"""Mail and posts in one line each, for a model or a person who decides what to read; foreign text is cut and cleaned.

What could not be proven is named with its fault, and its text is not shown.
"""

from datetime import datetime
from typing import Final

from somabus.letter import Letter
from somabus.model.text import ago, line
from somabus.post import Post

_SAID: Final = 100
_FAULT: Final = 150


def letter_line(letter: Letter, now: datetime) -> str:
    """Say a mail in one line."""
    if letter.opened is None:
        return f"{letter.name[-12:]} cannot be read: {line(letter.fault, _FAULT)}"
    message, who = letter.opened.message, letter.opened.sender
    if letter.fault:
        return f"{message.id[-12:]} from {who} [not to be acted on: {line(letter.fault, _FAULT)}]"
    said = line(message.subject or message.body, _SAID)
    return f"{message.id[-12:]} {message.kind} from {who}, {ago(message.created_at, now)}: {said}"


def post_line(post: Post, now: datetime) -> str:
    """Say a post in one line."""
    if post.opened is None or post.fault:
        return f"{post.address} [not to be acted on: {line(post.fault, _FAULT)}]"
    message = post.message
    answers = f" to {message.reply_to}" if message.reply_to else ""
    said = line(message.subject or message.body, _SAID)
    return f"{post.address} {message.kind}{answers} from {post.sender}, {ago(message.created_at, now)}: {said}"
