"""POST /v1/rule-packs/backtest: what a pack would have decided of this switch's own payments. The work is done by a process of its own."""

import time
from typing import Final

import msgspec
import numpy as np
from aiohttp import web
from msgspec import UNSET

from actors.ledger.ids import decode_transfer, key_bytes
from actors.live_backtest import Failure, LiveBacktest, Said
from rules.backtest_report import Report
from switch.answers import json_response
from switch.calls import Call, plain_key
from switch.door import Door
from switch.problems import ProblemError, invalid_field
from switch.times import time_ms
from switch.wire import BACKTEST, BacktestAsked, BacktestLabel, decode

_PROBLEMS: Final[dict[Failure, str]] = {
    "busy": "backtest_running",
    "too_large": "backtest_too_large",
    "contradiction": "internal_error",
    "unavailable": "database_unavailable",
    "ended": "internal_error",
}
_EITHER: Final = "either `id`, a transfer's, or `wallet` with `idempotency_key`"


class Backtested(msgspec.Struct, frozen=True, kw_only=True):
    """The same as `shardpay rules backtest --json` prints."""

    report: Report
    seconds: float


async def backtest_pack(door: Door, call: Call) -> web.Response:
    """POST /v1/rule-packs/backtest."""
    call.given_key()
    asked = decode(BACKTEST, await call.json_body(door.limits.json_batch_bytes_max))
    started = time.perf_counter()
    test = await _test(door, asked)
    said: Said = await door.backtester.run(test)
    if said.failure is not None or said.report is None:
        raise ProblemError(_PROBLEMS[said.failure or "ended"], said.detail or None)
    return json_response(Backtested(report=said.report, seconds=round(time.perf_counter() - started, 3)))


async def _test(door: Door, asked: BacktestAsked) -> LiveBacktest:
    """All that the process needs, the pack checked. Raises ProblemError."""
    labels = [] if asked.labels is UNSET else asked.labels
    by_id = [_by_id(at, label) for at, label in enumerate(labels) if label.id is not UNSET]
    by_key = [_by_key(door, at, label) for at, label in enumerate(labels) if label.id is UNSET]
    since, until = _time(asked, "since"), _time(asked, "until")
    text, files, number, version = await _pack(door, asked)
    by_id.sort()
    return LiveBacktest(
        url=door.database_url,
        secret=door.secret_bytes,
        shards=door.topology.shards,
        capacity=door.capacity,
        text=text,
        files=files,
        card=await door.publisher.checked(text, files),
        number=number,
        version=version,
        since_ms=since,
        until_ms=until,
        addresses=np.array([address for address, _ in by_id], np.int64).tobytes(),
        truths=bytes(truth for _, truth in by_id),
        wallets=np.array([wallet for wallet, _, _ in by_key], np.int64).tobytes(),
        keys=b"".join(key for _, key, _ in by_key),
        key_truths=bytes(truth for _, _, truth in by_key),
    )


async def _pack(door: Door, asked: BacktestAsked) -> tuple[str, dict[str, str], int, int]:
    """Text, files, number and version of the pack: given, or published under a name."""
    if (asked.text is UNSET) == (asked.name is UNSET):
        raise invalid_field("text", "either the text of a pack, or the name of one that is published")
    if asked.text is not UNSET:
        if asked.version is not UNSET:
            raise invalid_field("version", "a version goes with a name")
        if "\0" in asked.text or len(asked.text) > door.limits.document_bytes_max:
            raise invalid_field(
                "text", f"a pack has no NUL characters and at most {door.limits.document_bytes_max} bytes"
            )
        return asked.text, {} if asked.files is UNSET else asked.files, 0, 0
    if asked.files is not UNSET:
        raise invalid_field("files", "files go with a text")
    found = await door.packs.pack(str(asked.name), None if asked.version is UNSET else asked.version)
    if found is None:
        raise ProblemError("rule_pack_not_found")
    return found.text, found.files, found.number, found.version


def _time(asked: BacktestAsked, name: str) -> int | None:
    text = getattr(asked, name)
    if text is UNSET:
        return None
    try:
        return time_ms(text)
    except ValueError as error:
        raise invalid_field("from" if name == "since" else "to", str(error)) from None


def _by_id(at: int, label: BacktestLabel) -> tuple[int, bool]:
    if label.wallet is not UNSET or label.idempotency_key is not UNSET:
        raise invalid_field(f"labels[{at}]", _EITHER)
    ref = decode_transfer(str(label.id))
    if ref is None:
        raise invalid_field(f"labels[{at}].id", "this is no id of a transfer")
    return ref.address, label.label


def _by_key(door: Door, at: int, label: BacktestLabel) -> tuple[int, bytes, bool]:
    if label.wallet is UNSET or label.idempotency_key is UNSET:
        raise invalid_field(f"labels[{at}]", _EITHER)
    (wallet,) = door.addresses([label.wallet])
    if wallet <= 0:
        raise invalid_field(f"labels[{at}].wallet", "there is no such wallet")
    return wallet, key_bytes(plain_key(label.idempotency_key)), label.label
