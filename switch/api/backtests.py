"""Backtests over HTTP: a pack, or the live pack with another scorecard, on the switch's own payments.

The work is done by a process of its own, one at a time.
"""

import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec
import numpy as np
from aiohttp import web
from msgspec import UNSET

from actors.backtest.live import Failure, LiveBacktest, LiveBacktester, Response
from actors.ledger.bounds import Capacity
from actors.records.ids import decode_transfer, key_bytes
from models.scorecard import canonical
from rules.backtest.report import BacktestReport
from rules.vocabulary.times import time_ms
from switch.api.publisher import CheckedPack, PackWarning, text_with_card, warnings_of
from switch.api.route import BODY, Route
from switch.api.rule_packs import PackServices
from switch.api.scorecards import checked_card, pack_of_card, published_card
from switch.fairness.scheduling import STEP_ROWS, Scheduler, Steps
from switch.gateway.routing import Topology
from switch.http.access import Access
from switch.http.auth import PUBLISH
from switch.http.call import Call, plain_key
from switch.http.decoding import CARD_BACKTEST, PACK_BACKTEST, Listed
from switch.http.schema import BacktestAsked, BacktestLabel, CardBacktest, PackBacktest
from switch.problems.table import ProblemError, invalid_field
from switch.views.representations import json_response

B = TypeVar("B", bound=BacktestAsked)
F = TypeVar("F")

PROBLEMS_OF_FAILURES: Final[dict[Failure, str]] = {
    "busy": "backtest_running",
    "too_large": "backtest_too_large",
    "contradiction": "internal_error",
    "unavailable": "database_unavailable",
    "ended": "internal_error",
}
_EITHER: Final = "either `id`, a transfer's, or `wallet` with `idempotency_key`"


class Backtested(msgspec.Struct, frozen=True, kw_only=True):
    """The report that `shardpay rules backtest --json` prints, and what may be meant otherwise in the pack."""

    report: BacktestReport
    seconds: float
    warnings: list[PackWarning]


class TriedPack(NamedTuple):
    """What is to be tried. `card`: as JSON, the scorecard that the text names when that is not the published one; number and version 0 when
    the pack is not published; `stored`: it is, but perhaps for its card."""

    text: str
    files: dict[str, str]
    card: bytes | None = None
    number: int = 0
    version: int = 0
    stored: bool = False


class BacktestServices(PackServices, Protocol):
    """What these handlers use of the front door."""

    backtester: LiveBacktester
    scheduler: Scheduler
    topology: Topology
    database_url: str
    secret_bytes: bytes
    capacity: Capacity

    def addresses(self, texts: Sequence[str]) -> list[int]:
        """`Services.addresses`."""


async def backtest_pack(services: BacktestServices, call: Call) -> web.Response:
    """POST /v1/rule-packs/backtest."""
    call.given_key()
    body = await call.json_body(services.limits.pack_bytes_max)
    asked, labels = await services.scheduler.run(call.principal.account, _read(services, PACK_BACKTEST, body))
    return await _tried(services, asked, labels, await _pack(services, asked))


async def backtest_card(services: BacktestServices, call: Call) -> web.Response:
    """POST /v1/scorecards/backtest."""
    call.given_key()
    body = await call.json_body(services.limits.json_batch_bytes_max)
    asked, labels = await services.scheduler.run(call.principal.account, _read(services, CARD_BACKTEST, body))
    return await _tried(services, asked, labels, await _with_card(services, asked))


class _Labels(NamedTuple):
    """What is known of payments: by address, and by wallet with key."""

    by_id: list[tuple[int, bool]]
    by_key: list[tuple[int, bytes, bool]]


def _read(services: BacktestServices, decoder: Listed[B, BacktestLabel], body: bytes) -> Steps[tuple[B, _Labels]]:
    asked, given = yield from decoder.decode(body)
    labels = _Labels([], [])
    for start in range(0, len(given), STEP_ROWS):
        some = list(enumerate(given[start : start + STEP_ROWS], start))
        labels.by_id.extend(_by_id(services, at, label) for at, label in some if label.id is not UNSET)
        labels.by_key.extend(_by_key(services, [(at, label) for at, label in some if label.id is UNSET]))
        yield
    return asked, labels


async def _tried(services: BacktestServices, asked: BacktestAsked, labels: _Labels, pack: TriedPack) -> web.Response:
    started = time.perf_counter()
    checked = await checked_pack(services, pack)
    test = _test(services, asked, labels, pack, checked)
    response: Response = await services.backtester.run(test)
    report = found_by(response, response.report)
    seconds = round(time.perf_counter() - started, 3)
    return json_response(Backtested(report=report, seconds=seconds, warnings=warnings_of(checked.notes)))


def found_by(response: Response, found: F | None) -> F:
    """What was asked for, of a response. Raises ProblemError for one that has none."""
    if response.failure is not None or found is None:
        raise ProblemError(PROBLEMS_OF_FAILURES[response.failure or "ended"], response.detail or None)
    return found


async def checked_pack(services: BacktestServices, pack: TriedPack) -> CheckedPack:
    """What is to be tried, checked. Raises ProblemError."""
    return await services.publisher.checked(pack.text, pack.files, pack.card, stored=pack.stored)


def live_backtest(services: BacktestServices, pack: TriedPack, checked: CheckedPack, **more: Any) -> LiveBacktest:
    """All that the process needs to try a pack; `more`: further fields."""
    return LiveBacktest(
        url=services.database_url,
        secret=services.secret_bytes,
        shards=services.topology.shards,
        capacity=services.capacity,
        text=pack.text,
        files=pack.files,
        card=checked.card,
        number=pack.number,
        version=pack.version,
        **more,
    )


def _test(
    services: BacktestServices, asked: BacktestAsked, labels: _Labels, pack: TriedPack, checked: CheckedPack
) -> LiveBacktest:
    """What is asked for, of the times and with the labels. Raises ProblemError."""
    since, until = _time(asked, "since"), _time(asked, "until")
    if since is not None and until is not None and until <= since:
        raise invalid_field("to", "a time after `from` is expected")
    if asked.last is not UNSET and (since is not None or until is not None):
        raise invalid_field("last", "either the newest payments, or those of a time")
    by_id, by_key = sorted(labels.by_id), labels.by_key
    return live_backtest(
        services,
        pack,
        checked,
        since_ms=since,
        until_ms=until,
        last=None if asked.last is UNSET else asked.last,
        addresses=np.array([address for address, _ in by_id], np.int64).tobytes(),
        truths=bytes(truth for _, truth in by_id),
        wallets=np.array([wallet for wallet, _, _ in by_key], np.int64).tobytes(),
        keys=b"".join(key for _, key, _ in by_key),
        key_truths=bytes(truth for _, _, truth in by_key),
    )


async def _pack(services: BacktestServices, asked: PackBacktest) -> TriedPack:
    """The pack: given, or published under a name."""
    if (asked.text is UNSET) == (asked.name is UNSET):
        raise invalid_field("text", "either the text of a pack, or the name of one that is published")
    if asked.text is not UNSET:
        if asked.version is not UNSET:
            raise invalid_field("version", "a version goes with a name")
        if "\0" in asked.text or len(asked.text) > services.limits.document_bytes_max:
            raise invalid_field(
                "text", f"a pack has no NUL characters and at most {services.limits.document_bytes_max} bytes"
            )
        return TriedPack(asked.text, {} if asked.files is UNSET else asked.files)
    if asked.files is not UNSET:
        raise invalid_field("files", "files go with a text")
    found = await services.packs.pack(str(asked.name), None if asked.version is UNSET else asked.version)
    if found is None:
        raise ProblemError("rule_pack_not_found")
    return TriedPack(found.text, found.files, None, found.number, found.version, stored=True)


async def _with_card(services: BacktestServices, asked: CardBacktest) -> TriedPack:
    """The pack that is live, or named, with a scorecard that is given, or published under a name."""
    if (asked.document is UNSET) == (asked.name is UNSET):
        raise invalid_field("document", "either the document of a scorecard, or the name of one that is published")
    if asked.document is not UNSET:
        if asked.version is not UNSET:
            raise invalid_field("version", "a version goes with a name")
        card = await checked_card(bytes(asked.document), "document")
        reference, document = f"{card.name}@{card.version}", canonical(card)
        await services.publisher.check_new_card(card)
    else:
        stored = await published_card(services, str(asked.name), asked.version)
        reference, document = f"{stored.name}@{stored.version}", stored.document.encode()
    pack = await pack_of_card(services, asked.pack)
    return TriedPack(await text_with_card(pack, reference), pack.files, document, stored=True)


def _time(asked: BacktestAsked, name: str) -> int | None:
    text = getattr(asked, name)
    if text is UNSET:
        return None
    try:
        return time_ms(text)
    except ValueError as error:
        raise invalid_field("from" if name == "since" else "to", str(error)) from None


def _by_id(services: BacktestServices, at: int, label: BacktestLabel) -> tuple[int, bool]:
    if label.wallet is not UNSET or label.idempotency_key is not UNSET:
        raise invalid_field(f"labels[{at}]", _EITHER)
    address = decode_transfer(services.secret, str(label.id))
    if address == 0:
        raise invalid_field(f"labels[{at}].id", "this is no id of a transfer")
    return address, label.label


def _by_key(services: BacktestServices, labels: list[tuple[int, BacktestLabel]]) -> list[tuple[int, bytes, bool]]:
    for at, label in labels:
        if label.wallet is UNSET or label.idempotency_key is UNSET:
            raise invalid_field(f"labels[{at}]", _EITHER)
    named = []
    for (at, label), wallet in zip(labels, services.addresses([str(label.wallet) for _, label in labels]), strict=True):
        if wallet <= 0:
            raise invalid_field(f"labels[{at}].wallet", "there is no such wallet")
        named.append((wallet, key_bytes(plain_key(str(label.idempotency_key))), label.label))
    return named


_PROBLEMS_OF_ALL: Final = BODY | {
    "backtest_running",
    "backtest_too_large",
    "invalid_idempotency_key",
    "invalid_rule_pack",
    "invalid_scorecard",
    "rule_pack_not_found",
    "scorecard_not_found",
}

ROUTES: Final = (
    Route(
        "POST",
        "/v1/rule-packs/backtest",
        "What a rule pack would have decided of this switch's payments.",
        PUBLISH,
        Access.REFUSED,
        backtest_pack,
        answer=Backtested,
        bodies=(PackBacktest,),
        problems=_PROBLEMS_OF_ALL,
        long=True,
        asks=True,
    ),
    Route(
        "POST",
        "/v1/scorecards/backtest",
        "What a rule pack with another scorecard would have decided.",
        PUBLISH,
        Access.REFUSED,
        backtest_card,
        answer=Backtested,
        bodies=(CardBacktest,),
        problems=_PROBLEMS_OF_ALL,
        long=True,
        asks=True,
    ),
)
