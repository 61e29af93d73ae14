"""A call and its answer: what is sent, when it is sent again, and what it ends with.

A call that may have arrived is sent again under the same idempotency key, so it counts once however often it arrives.
"""

import os
import random
import ssl
import uuid
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import UNSET

from .errors import DeclinedError, ProblemError, ShardpayError, UnreachableError

T = TypeVar("T")

JSON: Final = "application/json"
ARROW: Final = "application/vnd.apache.arrow.stream"
EVENT_STREAM: Final = "text/event-stream"
PAGE: Final = 100
"""Entries that a list asks for at once: the most that the switch gives."""
PAUSE_FIRST_S: Final = 0.05
PAUSE_MAX_S: Final = 5.0
NO_CONNECTION: Final = "no connection to"
NO_ANSWER: Final = "no answer in time"
_NO_PLACES: Final = ("", ".", "..")
"""A path without them is another path: whoever sends it takes them out."""
RETRIED: Final = frozenset({408, 429})
BEFORE_THE_KEY: Final = frozenset({401, 403, 404, 405, 429})
"""With these a switch refuses before it has looked for the key, and may by what has changed since an earlier try: what the API key may
do, which wallets are its account's."""
SERVER_ERROR: Final = 500
"""These statuses, and from this one on, say nothing final when no problem of a switch tells: a proxy's, or a switch that is starting."""


class Call(NamedTuple):
    """What is sent. `key`: its idempotency key, the same however often it is sent."""

    method: str
    path: str
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON
    key: str | None = None


class Reply(NamedTuple):
    """What came back. `retry_after_s`: how long the switch asks to wait; 0 when it does not say."""

    status: int
    body: bytes
    retry_after_s: float = 0.0


class _Problem(msgspec.Struct):
    """What each problem of a switch has."""

    code: str
    retryable: bool
    money_moved: str


class Lost(Exception):
    """A try that has no reply. `was_sent`: it may have arrived."""

    def __init__(self, why: str, was_sent: bool) -> None:
        super().__init__(why)
        self.was_sent = was_sent


def no_connection(url: str, error: OSError) -> str:
    """Why nothing was sent, in the system's words."""
    known = error.errno and error.errno > 0 and not isinstance(error, ssl.SSLError)  # which has numbers of its own
    why = os.strerror(error.errno) if known and error.errno else error.strerror or str(error)
    return f"{NO_CONNECTION} {url}: {why}"


class NoStream(Exception):
    """A reply where a stream was asked for."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def new_key(key: str | None) -> str:
    """The caller's own idempotency key, or a new one."""
    return str(uuid.uuid4()) if key is None else key


def path(template: str, **places: str) -> str:
    """A path with its places filled in, so that no value reaches beyond its place. Raises ValueError for what no quoting keeps there."""
    for name, value in places.items():
        if value in _NO_PLACES:
            raise ValueError(f"{name}: {value!r} names nothing")
    return template.format(**{name: quote(value, safe="") for name, value in places.items()})


def query(**parameters: Any) -> str:
    """What is given, as the part of a path from the question mark on."""
    given = {name.rstrip("_"): value for name, value in parameters.items() if value is not None}
    return "?" + urlencode(given) if given else ""


def body(**fields: Any) -> bytes:
    """What is given, as JSON; None is sent as null."""
    return msgspec.json.encode({name.rstrip("_"): value for name, value in fields.items() if value is not UNSET})


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds that a reply asks to wait."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


class Attempts:
    """The tries of one call, which begin within `retry_s`: how long to wait before the next, or an error."""

    def __init__(self, call: Call, started: float, retry_s: float) -> None:
        self._call = call
        self._deadline = started + retry_s
        self._pause = PAUSE_FIRST_S
        self._was_lost = False

    def after_reply(self, reply: Reply, now: float) -> float | None:
        """None: the reply is the answer. Raises ProblemError when no further try helps."""
        if reply.status < 300:
            return None
        problem = _problem(reply.body)
        again = problem["retryable"] if problem else reply.status in RETRIED or reply.status >= SERVER_ERROR
        pause = self._next_pause(reply.retry_after_s) if again else None
        if pause is None or now + pause >= self._deadline:
            raise self._refused(reply.status, problem, again)
        self._was_lost |= not problem or problem["money_moved"] == "unknown"  # this try may have counted
        return pause

    def after_loss(self, loss: Lost, now: float) -> float:
        """The connection failed, or the answer did not come. Raises UnreachableError when the time is over."""
        self._was_lost |= loss.was_sent
        pause = self._next_pause(0.0)
        if now + pause >= self._deadline:
            moved = "unknown" if self._was_lost and self._call.method != "GET" else "no"
            raise UnreachableError(
                f"{self._call.method} {self._call.path} was not answered: {loss}",
                money_moved=moved,
                idempotency_key=self._call.key,
            )
        return pause

    def _next_pause(self, asked_s: float) -> float:
        longest, self._pause = self._pause, min(2 * self._pause, PAUSE_MAX_S)
        return max(asked_s, random.uniform(longest / 2, longest))

    def _refused(self, status: int, problem: dict[str, Any], again: bool) -> ShardpayError:
        """A proxy may have sent this try on, and an earlier one whose answer was lost may have counted, whatever a refusal says that did
        not look at its key."""
        moved = str(problem.get("money_moved", "unknown"))
        if self._was_lost and (again or status in BEFORE_THE_KEY):
            moved = "unknown"
        if self._call.method == "GET":
            moved = "no"
        kind = DeclinedError if "transfer_id" in problem else ProblemError
        return kind(status, problem, money_moved=moved, idempotency_key=self._call.key)


def _problem(raw: bytes) -> dict[str, Any]:
    """A problem of a switch; nothing where it is a proxy's or no problem."""
    try:
        problem = msgspec.json.decode(raw)
        msgspec.convert(problem, _Problem)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return {}
    found: dict[str, Any] = problem
    return found


def decoded(raw: bytes, kind: type[T], key: str | None) -> T:
    """An answer by its type. Raises ShardpayError when this is no answer of a switch; `key`: the call's."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        words = f"this is not an answer of a switch: {error}"
        raise ShardpayError(words, money_moved="unknown", idempotency_key=key) from None


def no_stream(refused: NoStream) -> ShardpayError:
    """Something answered that it has done what was asked, and sends no events: it is no switch."""
    words = f"this is not a stream of a switch: status {refused.reply.status}"
    return ShardpayError(words, money_moved="no", idempotency_key=None)


class Feed:
    """Server-sent events, line by line. `cursor` is where a new stream goes on; `heard`: this connection has brought something."""

    def __init__(self, after: str | None) -> None:
        self.cursor = after
        self.heard = False
        self._id: str | None = None
        self._data: list[bytes] = []

    def line(self, line: bytes) -> bytes | None:
        """The data of an event that this line completes, empty where it moves the cursor alone. An event without its end, when the
        connection broke, does not count."""
        self.heard = True
        name, _, value = line.rstrip(b"\r\n").partition(b":")
        value = value.removeprefix(b" ")
        if name == b"id":
            self._id = value.decode()
        elif name == b"data":
            self._data.append(value)
        elif not name and not value:
            return self._end()
        return None

    def _end(self) -> bytes:
        """The end of an event: from here a new stream goes on."""
        self.cursor, self._id = self._id or self.cursor, None
        data, self._data = b"\n".join(self._data), []
        return data

    def begin_again(self) -> None:
        """A new connection: what the old one left unfinished is forgotten."""
        self._id, self._data, self.heard = None, [], False
