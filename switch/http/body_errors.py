"""What is wrong with a body that its type refused: which field, what stands there, what is possible.

Nothing here runs for a body that is right.
"""

import difflib
import re
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any, Final, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import UnsetType

from switch.http.schema import COUNTRY, KEY, LINES, PRINTED, Wire
from switch.problems.table import ProblemError, invalid_field

EXPLAINED_BYTES_MAX: Final = 64 * 1024
"""A body beyond it is refused in fewer words: looking for more would hold the event loop."""
MESSAGE_CHARACTERS_MAX: Final = 200
VALUE_CHARACTERS_MAX: Final = 60

_AT: Final = re.compile(r"^(?P<message>.*?)(?: - at `(?P<key>key` in `)?\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_FIELD: Final = re.compile(r"(?P<what>unknown|required) field `(?P<name>.*)`$", re.DOTALL)
_TYPE: Final = re.compile(r"^Expected `(?P<wanted>[^`]*)`, got `[^`]*`$")
_BOUND: Final = re.compile(r"^Expected `(?P<type>\w+)` (?P<length>of length )?(?P<sign><=|>=|<|>) (?P<bound>[-\d]+)$")
_PATTERN: Final = re.compile(r"^Expected `str` matching regex (?P<pattern>'.*'|\".*\")$", re.DOTALL)
_TOKEN: Final = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_ESCAPE: Final = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)

_TYPES: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_WORDS: Final = {
    PRINTED: "text of one line without control characters",
    LINES: "text without control characters other than tabs and ends of lines",
    COUNTRY: "two capital letters, like DE",
    KEY: "printable ASCII characters",
}
_SIGNS: Final = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}


# No JSON.


def no_json(body: bytes, error: str) -> str:
    """Why bytes are no JSON: `error` is what the decoder says, which knows nothing of characters that UTF-8 cannot hold."""
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        return f"The body is not UTF-8: byte 0x{body[wrong.start]:02x} at position {wrong.start} begins no character."
    at = _lone_surrogate(body)
    if at is not None:
        return (
            f"The body has half a surrogate pair, {body[at : at + 6].decode()}, at position {at}: it is no character."
        )
    if not body.strip():
        return "The body is empty."
    return f"The body is not JSON: {short(error)}."


def _lone_surrogate(body: bytes) -> int | None:
    """Where an escape of half a surrogate pair stands alone."""
    high: re.Match[bytes] | None = None
    for escape in _ESCAPE.finditer(body):
        number = int(escape[1], 16) if escape[1] else 0
        follows = high is not None and escape.start() == high.end()
        if 0xDC00 <= number < 0xE000:
            if not follows:
                return escape.start()
            high = None
            continue
        if high is not None:
            return high.start()
        high = escape if 0xD800 <= number < 0xDC00 else None
    return None if high is None else high.start()


# JSON of the wrong form.


def without_nulls(value: Any, kind: Any) -> Any:
    """A value without the nulls that stand for fields of `kind`, a type of bodies, that may be left out and have no use for null."""
    if not (isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, Wire)):
        return value
    hints = _hints(kind)
    optional = {field.encode_name for field in msgspec.structs.fields(kind) if not field.required}
    return {
        name: without_nulls(each, _alone(hints[name])) if name in hints else each
        for name, each in value.items()
        if each is not None or name not in optional or type(None) in get_args(hints[name])
    }


class _Refused(NamedTuple):
    """msgspec's words taken apart: the path to what it refused; the `field` of it that is unknown or required, and which of both."""

    message: str
    path: str
    in_key: bool
    field: str
    what: str

    @classmethod
    def of(cls, text: str) -> "_Refused":
        match = _AT.match(text)
        assert match is not None
        path = (match["path"] or "") + ("[...]" if match["key"] else "")
        field = _FIELD.search(match["message"])
        name, what = ("", "") if field is None else (field["name"], field["what"])
        return cls(match["message"], path, match["key"] is not None, name, what)


def wrong_field(text: str, before: str) -> ProblemError:
    """The problem of what msgspec refused, in its words. `before`: the path of the part that was decoded."""
    refused = _Refused.of(text)
    return _problem(before, [refused.path, refused.field], short(refused.message))


def explained(text: str, value: Any, kind: Any, before: str) -> ProblemError:
    """The problem of what msgspec refused of a value as a `kind`."""
    refused = _Refused.of(text)
    found, steps = value, []
    for name, index in _TOKEN.findall(refused.path):
        step = name or (_culprit(kind, found) if index == "..." else int(index))
        if step is None:
            break
        steps.append(f"[{step}]" if index and index != "..." else str(step))
        found = found[step]
        kind = _alone(_hints(kind)[name]) if name and _is_body(kind) else None
    if refused.what == "required":
        return _problem(before, [*steps, refused.field], "the field is required")
    if refused.what:
        return _problem(before, [*steps, refused.field], _unknown(refused.field, kind))
    return _problem(before, steps, f"{_plain(refused.message)}, got {_shown(steps[-1] if refused.in_key else found)}")


def _problem(before: str, steps: list[str], message: str) -> ProblemError:
    path = before
    for step in steps:
        path += step if step.startswith("[") or not path or not step else f".{step}"
    return invalid_field(short(path), message)


def _is_body(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Wire)


def _hints(kind: Any) -> Mapping[str, Any]:
    """Types of the fields of a body, by their names in JSON."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(kind)}


def _alone(hint: Any) -> Any:
    """A field's type without what stands for its absence."""
    parts = tuple(part for part in get_args(hint) if part not in (UnsetType, type(None)))
    return reduce(or_, parts) if UnsetType in get_args(hint) else hint


def _culprit(kind: Any, value: Any) -> str | None:
    """The first key of an object that its type refuses."""
    for key, each in value.items() if isinstance(value, dict) else ():
        try:
            msgspec.convert({key: each}, kind)
        except msgspec.ValidationError:
            return str(key)
    return None


def _unknown(name: str, kind: Any) -> str:
    known = [field.encode_name for field in msgspec.structs.fields(kind)] if _is_body(kind) else []
    near = difflib.get_close_matches(name, known, 1)
    there_are = f"there are {', '.join(known)}" if known else "there are none here"
    return f"the field is not known{f', {near[0]} is near' if near else ''}; {there_are}"


def _plain(message: str) -> str:
    """msgspec's words as plain ones; what it may say one day that is not known here stays as it is."""
    if match := _TYPE.match(message):
        wanted = [_TYPES.get(part.strip(), part.strip()) for part in match["wanted"].split("|")]
        return f"expected {' or '.join(wanted)}"
    if match := _BOUND.match(message):
        unit = {"str": " characters", "array": " entries", "object": " entries"}.get(match["type"], "")
        return f"expected {_SIGNS[match['sign']]} {match['bound']}{unit if match['length'] else ''}"
    if match := _PATTERN.match(message):
        pattern = match["pattern"][1:-1].replace("\\\\", "\\")
        return f"expected {_WORDS.get(pattern, pattern)}"
    return message


def _shown(value: Any) -> str:
    """What stands there, as JSON cut to a length that is safe to give back."""
    text = msgspec.json.encode(value).decode()
    if len(text) <= VALUE_CHARACTERS_MAX:
        return text
    size = f" ({len(value)} long)" if isinstance(value, str | list | dict) else ""
    return f"{text[:VALUE_CHARACTERS_MAX]}...{size}"


def short(text: str) -> str:
    """Text from outside, cut to a length that is safe to give back."""
    return text if len(text) <= MESSAGE_CHARACTERS_MAX else text[:MESSAGE_CHARACTERS_MAX] + "..."
