"""Changing one place of a JSON text and no byte beside it.

A user's settings file has an order, an indentation and blanks of its own; writing the parsed value again would change
all of them. So the text is scanned once for where each value lies, and what is added or taken away is cut in there.
Taking away what was added gives the same bytes again, but that nothing is left between the braces of an empty object.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from somabus.errors import ConfigurationError

_BLANK: Final = re.compile(r"[ \t\n\r]*")
_FIRST_INDENT: Final = re.compile(r"^([ \t]+)\S", re.MULTILINE)


@dataclass(slots=True)
class Node:
    """One value of the text: where it starts and ends, and its parts by name or number.

    `begins` is where the name of a part does.
    """

    start: int
    end: int = 0
    begins: int = 0
    parts: dict[str | int, "Node"] = field(default_factory=dict)


def parsed(text: str, where: str) -> Any:
    """Return the value of a text; an empty text is an empty object.

    Raises:
        ConfigurationError: it is no JSON object, or holds a name twice; `where` is named.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        message = f"{where} is no JSON ({error}); mend it, or add the hooks by hand: somabus hooks show claude-code"
        raise ConfigurationError(message) from None
    if not isinstance(value, dict):
        message = f"{where} holds {type(value).__name__}, and an object is needed; mend it first"
        raise ConfigurationError(message)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Let no name stand twice in an object: nobody can say which of the two is meant to be changed."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        message = f"{next(name for name in names if names.count(name) > 1)!r} stands twice in one object"
        raise ValueError(message)
    return found


def added(text: str, path: tuple[str | int, ...], value: Any) -> str:
    """Return the text with a value added at a path: a new member of an object, or a new element of a list (`-1`).

    What the path needs on the way and is not there is made.
    """
    if not text.strip():
        text = "{}" + (text or "\n")
    root = _scan(text)
    here, depth = root, 0
    while depth < len(path) - 1 and path[depth] in here.parts:
        here = here.parts[path[depth]]
        depth += 1
    for name in reversed(path[depth + 1 :]):
        value = [value] if name == -1 else {name: value}
    return _inserted(text, here, path[depth], value)


def replaced(text: str, path: tuple[str | int, ...], value: Any) -> str:
    """Return the text with another value at a path."""
    node = _at(_scan(text), path)
    return text[: node.start] + _written(value, _depth_of(text, node.begins), _unit(text)) + text[node.end :]


def removed(text: str, path: tuple[str | int, ...]) -> str:
    """Return the text without the value at a path, and without the containers that are empty then."""
    root = _scan(text)
    while len(path) > 1 and len(_at(root, path[:-1]).parts) == 1:
        path = path[:-1]
    above, node = _at(root, path[:-1]), _at(root, path)
    names = list(above.parts)
    rank = names.index(path[-1])
    if rank > 0:
        return text[: above.parts[names[rank - 1]].end] + text[node.end :]
    if len(names) > 1:
        return text[: node.begins] + text[above.parts[names[1]].begins :]
    return text[: above.start + 1] + text[above.end - 1 :]


def _inserted(text: str, node: Node, name: str | int, value: Any) -> str:
    label = "" if name == -1 else f"{json.dumps(name)}: "
    if node.parts:
        last = list(node.parts.values())[-1]
        before = text[_line_start(text, last.begins) : last.begins]
        spread = "\n" in text[node.start : last.begins]
        indent = before if before.isspace() else before[: len(before) - len(before.lstrip())]
        gap = f"\n{indent}" if spread else " "
        written = _written(value, indent if spread else None, _unit(text))
        return f"{text[: last.end]},{gap}{label}{written}{text[last.end :]}"
    outer, unit = _depth_of(text, node.start), _unit(text)
    written = _written(value, outer + unit, unit)
    return f"{text[: node.start + 1]}\n{outer}{unit}{label}{written}\n{outer}{text[node.end - 1 :]}"


def _written(value: Any, indent: str | None, unit: str) -> str:
    if indent is None:
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", f"\n{indent}")


def _unit(text: str) -> str:
    """Return by what the text indents: what stands before its first indented line, or two blanks."""
    found = _FIRST_INDENT.search(text)
    return found[1] if found else "  "


def _depth_of(text: str, at: int) -> str:
    """Return the blanks with which the line of a place begins."""
    start = _line_start(text, at)
    blanks = re.match(r"[ \t]*", text[start:])
    return blanks[0] if blanks else ""


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _at(root: Node, path: tuple[str | int, ...]) -> Node:
    for name in path:
        root = root.parts[name]
    return root


def _scan(text: str) -> Node:
    """Return where everything lies in a text that is known to be JSON."""
    return _value(text, _skip(text, 0))


def _value(text: str, at: int) -> Node:
    node = Node(at, begins=at)
    if text[at] in "{[":
        _container(text, node)
    elif text[at] == '"':
        node.end = _string_end(text, at)
    else:
        found = re.compile(r"[^,\]}\s]+").match(text, at)
        node.end = found.end() if found else at
    return node


def _container(text: str, node: Node) -> None:
    named = text[node.start] == "{"
    at = _skip(text, node.start + 1)
    while text[at] not in "}]":
        begins, name = at, len(node.parts)
        key: str | int = name
        if named:
            end = _string_end(text, at)
            key = json.loads(text[at:end])
            at = _skip(text, _skip(text, end) + 1)
        part = _value(text, at)
        part.begins = begins
        node.parts[key] = part
        at = _skip(text, part.end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    node.end = at + 1


def _string_end(text: str, at: int) -> int:
    return json.decoder.scanstring(text, at + 1)[1]  # type: ignore[attr-defined,no-any-return]


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
