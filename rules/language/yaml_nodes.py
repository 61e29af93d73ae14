"""YAML as a tree that knows the line and column of every value.

What a pack has no use for is refused while it is read.

Aliases, anchors, tags, several documents and repeated keys are refused, size, depth and number of values are bounded. Words like NO or
on stay words: only null, true, false and whole numbers are anything else.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import yaml

from rules.language.problems import PackError, Problem, shortened

TEXT_MAX: Final = 512 * 1024
"""Characters of a document; longer lists stand in files of their own."""
DEPTH_MAX: Final = 12
"""A table's cells lie 6 deep, those of an inline card 7."""
VALUES_MAX: Final = 40_000

BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML."""
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,19}")
_PLAIN: Final = {"": None, "~": None, "null": None, "true": True, "false": False}


class Value(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A value with its position. `data`: None, bool, int, str, list of values, or dict of key to (key's value, value).
    `flow`: a list or mapping in brackets."""

    data: Any
    start: int
    end: int
    style: str = ""
    flow: bool = False

    @property
    def is_map(self) -> bool:
        return isinstance(self.data, dict)

    @property
    def plain(self) -> Any:
        """The same without positions."""
        if self.is_map:
            return {name: inner.plain for name, (_, inner) in self.data.items()}
        return [item.plain for item in self.data] if isinstance(self.data, list) else self.data


class Document:
    """A text and its tree."""

    def __init__(self, text: str) -> None:
        if len(text) > TEXT_MAX:
            hint = "put long lists into files beside the pack"
            raise PackError([Problem(line=1, column=1, message=f"longer than {TEXT_MAX:,} characters", hint=hint)])
        self.text = text
        self._starts = [0, *(match.end() for match in BREAK.finditer(text))]
        self._values = 0
        self.root = self._read()

    def problem(self, start: int, end: int, message: str, hint: str = "") -> Problem:
        """A problem between two positions of the text."""
        line = self._line(start)
        first = self._starts[line]
        text = BREAK.split(self.text[first : first + 4_096], maxsplit=1)[0]
        return Problem(
            line=line + 1,
            column=start - first + 1,
            message=message,
            hint=hint,
            text=text,
            width=max(1, min(end, first + len(text)) - start),
        )

    def line(self, place: int) -> int:
        """The number of the line that holds a position, from 1."""
        return self._line(place) + 1

    def line_start(self, place: int) -> int:
        """Where the line begins that holds a position."""
        return self._starts[self._line(place)]

    def _line(self, place: int) -> int:
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle] <= place else (low, middle)
        return low

    def _fail(self, start: int, end: int, message: str, hint: str = "") -> PackError:
        return PackError([self.problem(start, end, message, hint)])

    def _read(self) -> Value:
        events = self._events()
        try:
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    root = self._value(next(events), events, 1)
                    next(events)
                    self._end(next(events))
                    return root
        except yaml.MarkedYAMLError as error:
            mark: Any = error.problem_mark or error.context_mark
            at = min(mark.index, len(self.text)) if mark else 0
            raise self._fail(at, at + 1, f"no YAML: {shortened(error.problem or 'unreadable', 100)}") from None
        except yaml.reader.ReaderError as error:
            at = int(error.position) if isinstance(error.position, int) else 0
            raise self._fail(min(at, len(self.text)), at + 1, "a character that YAML does not allow") from None
        raise self._fail(0, 1, "the document is empty")

    def _events(self) -> Iterator[Any]:
        return iter(yaml.parse(self.text, Loader=_LOADER))

    def _end(self, event: Any) -> None:
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._fail(event.start_mark.index, event.end_mark.index, "more than one document")

    def _value(self, event: Any, events: Iterator[Any], depth: int) -> Value:
        start, end = event.start_mark.index, event.end_mark.index
        self._values += 1
        if self._values > VALUES_MAX:
            raise self._fail(
                start, end, f"more than {VALUES_MAX:,} values", "put long lists into files beside the pack"
            )
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._fail(start, end, "anchors and aliases are not taken", "write it out, or use a list")
        if event.tag is not None and event.tag != "!":
            raise self._fail(start, end, "tags are not taken")
        if depth > DEPTH_MAX:
            raise self._fail(start, end, f"more than {DEPTH_MAX} levels deep")
        if isinstance(event, yaml.ScalarEvent):
            return Value(data=_scalar(event), start=start, end=end, style=event.style or "")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(start, events, depth)
        return self._mapping(start, events, depth)

    def _sequence(self, start: int, events: Iterator[Any], depth: int) -> Value:
        items: list[Value] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                return _closed(items, start, event, items[-1] if items else None)
            items.append(self._value(event, events, depth + 1))
        raise self._fail(start, start + 1, "the list does not end")

    def _mapping(self, start: int, events: Iterator[Any], depth: int) -> Value:
        items: dict[str, tuple[Value, Value]] = {}
        last: Value | None = None
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                return _closed(items, start, event, last)
            key = self._value(event, events, depth + 1)
            if not isinstance(event, yaml.ScalarEvent):
                raise self._fail(key.start, key.end, "a key is one word")
            name = event.value
            if name in items:
                raise self._fail(key.start, key.end, f"{shortened(name)} stands here twice")
            last = self._value(next(events), events, depth + 1)
            items[name] = (key, last)
        raise self._fail(start, start + 1, "the mapping does not end")

    def place(self, value: Value, offset: int) -> int:
        """Where in the text the character at `offset` of a scalar's text stands: quotes, folding and indentation undone."""
        raw = self.text[value.start : value.end]
        text = str(value.data)
        at = 0
        if value.style in ("|", ">"):
            at = raw.find("\n") + 1
        elif value.style:
            at = 1
        for letter in text[:offset]:
            if not letter.isspace():
                found = raw.find(letter, at)
                at = found + 1 if found >= 0 else at
        wanted = text[offset : offset + 1]
        if wanted and not wanted.isspace():
            at = max(at, raw.find(wanted, at))
        return min(value.start + at, max(value.start, value.end - 1))


def _closed(data: Any, start: int, event: Any, last: Value | None) -> Value:
    """A list or mapping. Brackets end it; without, its last value does: the event comes with what follows, after comments."""
    flow = event.end_mark.index > event.start_mark.index
    return Value(data=data, start=start, end=event.end_mark.index if flow or last is None else last.end, flow=flow)


def _scalar(event: Any) -> Any:
    text: str = event.value
    if event.style or event.tag == "!" or not event.implicit[0]:
        return text
    if text in _PLAIN:
        return _PLAIN[text]
    return int(text) if _INTEGER.fullmatch(text) else text
