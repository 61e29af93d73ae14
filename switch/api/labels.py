"""Labels: what is known of payments afterwards, fraud or not.

Backtests count by them, and cards are trained on them. A payment has one label, that of who spoke last; its decision and its record stay
as they are.
"""

from typing import Final, Protocol

import msgspec
import numpy as np
from aiohttp import web

from actors.records.ids import decode_transfers, transfer_id, uuid_bytes
from actors.records.layout import ATTEMPTS
from actors.records.secret import Secret
from actors.stores.labels import LabelStore, StoredLabel
from switch.api.recorded import RecordedServices, answered_once
from switch.api.route import BODY, Route
from switch.api.services import Limits
from switch.api.transfer_lifecycle import RecordServices, transfer_in_path
from switch.fairness.shares import Places
from switch.http.access import Access
from switch.http.auth import PUBLISH, READ_DOCUMENTS
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.http.decoding import LABEL_BATCH, TRANSFER_LABEL, decode
from switch.http.schema import LabelBatch, TransferLabel
from switch.http.times import datetime_text
from switch.problems.table import ProblemError, invalid_field
from switch.views.representations import json_response

_SCOPE: Final = "labels"


class LabelShown(msgspec.Struct, frozen=True, kw_only=True):
    """A label of the payment `id`. `label` true: it was fraud."""

    id: str
    label: bool
    made_by: str
    made_at: str


class LabelPage(msgspec.Struct, frozen=True):
    """A page of labels, payments in the order of their shards' journals."""

    data: list[LabelShown]
    has_more: bool
    next: str | None


class LabelsPut(msgspec.Struct, frozen=True, kw_only=True):
    """How many payments have been labelled."""

    count: int


class LabelServices(RecordServices, RecordedServices, Protocol):
    """What these handlers use of the front door."""

    secret: Secret
    limits: Limits
    label_store: LabelStore
    pages: Places


async def put_label(services: LabelServices, call: Call) -> web.Response:
    """PUT /v1/transfers/{id}/label."""
    body = decode(TRANSFER_LABEL, await call.json_body(services.limits.json_bytes_max))
    address, time = await _attempt_in_path(services, call)
    await services.label_store.put([address], [body.label], call.principal.account)
    return await _answer(services, address, time)


async def get_label(services: LabelServices, call: Call) -> web.Response:
    """GET /v1/transfers/{id}/label."""
    call.query()
    return await _answer(services, *await _attempt_in_path(services, call))


async def delete_label(services: LabelServices, call: Call) -> web.Response:
    """DELETE /v1/transfers/{id}/label: nothing is known of it any more."""
    call.query()
    address, _ = await _attempt_in_path(services, call)
    if not await services.label_store.delete(address):
        raise ProblemError("label_not_found")
    return json_response(LabelsPut(count=1))


async def put_labels(services: LabelServices, call: Call) -> web.Response:
    """POST /v1/labels: many at once, all or none; the same again is harmless."""
    raw = await call.json_body(services.limits.json_bytes_max)
    body = decode(LABEL_BATCH, raw)
    raws = [uuid_bytes(each.id) for each in body.labels]
    joined = np.frombuffer(b"".join(each or bytes(16) for each in raws), np.uint8).reshape(-1, 16)
    addresses = decode_transfers(services.secret, joined)
    order = np.argsort(addresses, kind="stable")
    records = await services.history.records(addresses[order])
    for place, record in zip(order.tolist(), records, strict=True):
        field, address = f"labels[{place}].id", int(addresses[place])
        known = (
            address > 0
            and transfer_id(services.secret, record["record_time"], address) == body.labels[place].id.lower()
        )
        if not known or record["kind"] not in ATTEMPTS:
            raise invalid_field(field, "this is no id of a transfer")
    doubled = np.flatnonzero(np.diff(addresses[order]) == 0)
    if len(doubled):
        raise invalid_field(f"labels[{int(order[doubled[0] + 1])}].id", "the transfer is labelled once more")
    frauds = [each.label for each in body.labels]

    async def put() -> LabelsPut:
        await services.label_store.put(addresses.tolist(), frauds, call.principal.account)
        return LabelsPut(count=len(frauds))

    return await answered_once(services, call, raw, put)


async def list_labels(services: LabelServices, call: Call) -> web.Response:
    """GET /v1/labels."""
    query = call.query()
    limit = page_limit(query)
    start = decode_cursor(services.secret, _SCOPE, query["after"]) if "after" in query else 0
    async with services.pages.place(call.principal.account):
        found = await services.label_store.page(start, limit + 1)
        shown, more = found[:limit], len(found) > limit
        times = await services.history.record_times([each.record for each in shown])
    data = [_shown(services, each, times[each.record]) for each in shown]
    return json_response(
        LabelPage(data, more, encode_cursor(services.secret, _SCOPE, shown[-1].record) if more else None)
    )


async def _attempt_in_path(services: LabelServices, call: Call) -> tuple[int, int]:
    """Address and record time of the payment or hold whose id is in the path. Raises ProblemError transfer_not_found."""
    address, found = await transfer_in_path(services, call)
    if found.record["kind"] not in ATTEMPTS:
        raise ProblemError("transfer_not_found", "Only a payment or a hold has a label.")
    return address, int(found.record["record_time"])


async def _answer(services: LabelServices, address: int, time: int) -> web.Response:
    found = await services.label_store.one(address)
    if found is None:
        raise ProblemError("label_not_found")
    return json_response(_shown(services, found, time))


def _shown(services: LabelServices, stored: StoredLabel, time: int) -> LabelShown:
    return LabelShown(
        id=transfer_id(services.secret, time, stored.record),
        label=stored.fraud,
        made_by=stored.made_by,
        made_at=datetime_text(stored.made_at),
    )


_OF_ONE: Final = frozenset({"label_not_found", "transfer_not_found"})
_LABEL: Final = "/v1/transfers/{id}/label"

ROUTES: Final = (
    Route(
        "PUT",
        _LABEL,
        "Say of a payment whether it was fraud.",
        PUBLISH,
        Access.REFUSED,
        put_label,
        answer=LabelShown,
        bodies=(TransferLabel,),
        problems=BODY | _OF_ONE,
        body_kept=True,
    ),
    Route(
        "GET",
        _LABEL,
        "Whether a payment was fraud, and who says so.",
        READ_DOCUMENTS,
        Access.REFUSED,
        get_label,
        answer=LabelShown,
        problems=_OF_ONE,
    ),
    Route(
        "DELETE",
        _LABEL,
        "Take back a payment's label.",
        PUBLISH,
        Access.REFUSED,
        delete_label,
        answer=LabelsPut,
        problems=_OF_ONE,
    ),
    Route(
        "POST",
        "/v1/labels",
        "Label up to 1,000 payments, all or none.",
        PUBLISH,
        Access.REFUSED,
        put_labels,
        answer=LabelsPut,
        bodies=(LabelBatch,),
        problems=BODY | {"idempotency_mismatch", "invalid_idempotency_key"},
        long=True,
        body_kept=True,
    ),
    Route(
        "GET",
        "/v1/labels",
        "All labels of payments.",
        READ_DOCUMENTS,
        Access.REFUSED,
        list_labels,
        answer=LabelPage,
        query=("limit", "after"),
        long=True,
    ),
)
