"""Where the switch is, the key, and how long to wait for it."""

import os
import re
from typing import Final
from urllib.parse import urlsplit

from .calls import Call

DEFAULT_URL: Final = "http://127.0.0.1:8080"
TIMEOUT_S: Final = 30.0
"""One try without an answer for so long is lost: the switch answers within 10 s, or says that it cannot."""
RETRY_S: Final = 60.0
"""How long a call is sent again by default: as long as a shard takes to come back on another node, and some."""
STREAM_SILENCE_S: Final = 60.0
"""A stream of events without a line for so long is broken: the switch sends a heartbeat every 15 s."""
_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)
_NO_KEY: Final = re.compile(r"[^ -~]")
CONNECTIONS: Final = 64
"""Connections at once by default: fewer than the switch takes from one caller."""


def switch_url(url: str | None) -> str:
    """Where the switch is, without a slash at its end. Raises ValueError for what is no address."""
    stated = (url or os.environ.get("SHARDPAY_URL") or DEFAULT_URL).strip().rstrip("/")
    if _ADDRESS.match(stated) is None or not urlsplit(stated).hostname:
        raise ValueError(f"{stated!r} is no address of a switch, which is as {DEFAULT_URL}, or with https")
    return stated


def switch_key(key: str | None) -> str | None:
    """The API key to send; None: only calls that need none. Raises ValueError, without the key, for what is none."""
    stated = (key or os.environ.get("SHARDPAY_API_KEY") or "").strip()
    if _NO_KEY.search(stated):
        raise ValueError(
            "the API key, given or in SHARDPAY_API_KEY, has a line end or another character that no key has"
        )
    return stated or None


def headers_of(call: Call, key: str | None) -> dict[str, str]:
    """The headers of a call."""
    headers = {"Accept": call.accept}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    if call.body is not None:
        headers["Content-Type"] = call.content_type
    if call.key is not None:
        headers["Idempotency-Key"] = call.key
    return headers
