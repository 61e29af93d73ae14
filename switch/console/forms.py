"""Fields of a form that a browser sends, decoded in small steps.

A form is as large as a rule pack, and each escape in it costs.
It is `application/x-www-form-urlencoded`; the first field of each name counts.
"""

from collections.abc import Generator
from typing import Final
from urllib.parse import unquote_to_bytes

from switch.fairness.scheduling import Steps
from switch.problems.table import ProblemError

FORM_FIELDS_MAX: Final = 32
STEP_BYTES: Final = 2 << 10
"""Decoded in one step. At worst all of it are escapes, some 700."""


def form_fields(body: bytes) -> Steps[dict[str, str]]:
    """The fields of a form. Raises ProblemError malformed_request for too many, and for what is no UTF-8."""
    if body.count(b"&") >= FORM_FIELDS_MAX:
        raise _unreadable()
    fields: dict[str, str] = {}
    for pair in body.split(b"&"):
        if not pair:
            continue
        name, _, value = pair.partition(b"=")
        try:
            key, text = (yield from _decoded(name)).decode(), (yield from _decoded(value)).decode()
        except UnicodeDecodeError:
            raise _unreadable() from None
        fields.setdefault(key, text)
    return fields


def at_once(body: bytes) -> dict[str, str]:
    """The fields of a form that is small."""
    steps = form_fields(body)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: dict[str, str] = end.value
            return found


def _decoded(raw: bytes) -> Generator[None, None, bytes]:
    """What stands for a text in a form, without its escapes."""
    parts: list[bytes] = []
    start = 0
    while start < len(raw):
        end = start + STEP_BYTES
        escape = raw.find(b"%", end - 2, end)
        if escape >= 0:  # its digits are beyond the end
            end = escape + 3
        parts.append(unquote_to_bytes(raw[start:end].replace(b"+", b" ")))
        start = end
        yield
    return b"".join(parts)


def _unreadable() -> ProblemError:
    return ProblemError("malformed_request", "The form could not be read.")
