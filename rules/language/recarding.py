"""Substitute the scorecard in a pack's text.

One value is replaced, or one line added; every other character stays as it is.
"""

from typing import Final

from rules.language.yaml_nodes import BREAK, Document, Value

_BYTE_ORDER_MARK: Final = "\ufeff"
_BLANK: Final = " \t\r\n\x85\u2028\u2029"
"""What a block scalar, and nothing else, has at its end after its text."""


def recarded(text: str, reference: str) -> str:
    """The text of a pack that checks, with its card named as `reference`, name@version. Raises PackError when it gets too long."""
    document = Document(text.removeprefix(_BYTE_ORDER_MARK))  # the parser does not count it
    new = _replaced(document, reference) if "card" in document.root.data else _added(document, reference)
    assert Document(new).root.plain == {**document.root.plain, "card": reference}, (
        "another card, and else the same pack"
    )
    return _BYTE_ORDER_MARK + new if text.startswith(_BYTE_ORDER_MARK) else new


def _replaced(document: Document, reference: str) -> str:
    text, (_, value) = document.text, document.root.data["card"]
    end = _end(document, value)
    comment_follows = text[end : end + 1] == "#"  # as it may after a quote or bracket, not after a word
    return text[: value.start] + _named(document, reference) + " " * comment_follows + text[end:]


def _added(document: Document, reference: str) -> str:
    """Behind the name, which every pack has."""
    text, (key, value) = document.text, document.root.data["name"]
    end = _end(document, value)
    if document.root.flow:
        return f'{text[:end]}, "card": {_named(document, reference)}{text[end:]}'
    first_break, line_end = BREAK.search(text), BREAK.search(text, end)
    at = len(text) if line_end is None else line_end.start()
    line = text[document.line_start(key.start) : key.start]
    indentation = line[: len(line) - len(line.lstrip())]
    line_break = "\n" if first_break is None else first_break[0]
    return f"{text[:at]}{line_break}{indentation}card: {_named(document, reference)}{text[at:]}"


def _named(document: Document, reference: str) -> str:
    """In quotes where the pack may be JSON."""
    return f'"{reference}"' if document.root.flow else reference


def _end(document: Document, value: Value) -> int:
    return value.start + len(document.text[value.start : value.end].rstrip(_BLANK))
