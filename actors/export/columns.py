"""Journal records as columns for analysts.

Types are real, a field that a record does not have is null, and the same records give the same bits.

Whole pages are converted at once; docs/reference/export.md says what each column means. Personal details are not exported: in the switch
they can be erased, in copies they could not.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.records.codes import Code
from actors.records.credit_layout import DIMENSIONS, FIRST_CREDIT, SCORE, InquiryResult, OrderState, Resolution
from actors.records.ids import encode_wallets, transfer_ids
from actors.records.layout import (
    ACCOUNT,
    ATTEMPTS,
    FLAG_FALLBACK,
    FLAG_FINAL,
    FLAG_IMPORTED,
    FLAG_LINKED,
    FLAG_REMOTE,
    FLAG_REVIEW,
    FLAG_SCORED,
    FLAG_SUSPENSE,
    FLOOR,
    GRANTED,
    HELD_FOR,
    LAST_ORDER,
    MOVEMENT,
    MOVEMENTS,
    ORDER_STATE,
    RECORD,
    REFERRING,
    RESOLUTION,
    RESULT_OF_INQUIRY,
    RUN,
    SCENARIO,
    SCORE_SEEN,
    TIER,
    WALLET_KIND,
    WALLET_STATE,
    Kind,
    Records,
    WalletStatus,
)
from actors.records.secret import Secret
from models.arrays import Integers
from rules.decisions.decision import Action
from rules.vocabulary.currencies import ALPHA
from rules.vocabulary.encodings import COUNTRIES, Channel, Label, WalletKind

LEFT_OUT: Final = (Kind.OPEN, Kind.CURSOR)
"""What shards keep for themselves; no decision sees any of it."""

_USED: Final = (
    "kind", "decision", "label", "channel", "code", "currency", "payer", "payee", "amount", "payer_posted", "payee_posted",
    "payer_held", "caller", "pack", "reference", "record_time", "effective_time", "points", "reasons", "flags", "country",
    "device", "expiry", "payee_lag",
)  # fmt: skip
_NUMBERS: Final = 1 << 16
_NONE: Final = -1
_UUID: Final = pa.uuid()
_TIME: Final = pa.timestamp("ms", tz="UTC")
FLAG_COLUMNS: Final = {
    "remote": FLAG_REMOTE,
    "suspense": FLAG_SUSPENSE,
    "imported": FLAG_IMPORTED,
    "fallback": FLAG_FALLBACK,
    "final": FLAG_FINAL,
    "linked": FLAG_LINKED,
    "review": FLAG_REVIEW,
}


class _Words:
    """A dictionary column's words; a number that has none is null."""

    def __init__(self, words: Mapping[int, str]) -> None:
        self._index = np.full(_NUMBERS, _NONE, np.int16)
        self._index[list(words)] = np.arange(len(words))
        self._words = pa.array(list(words.values()), pa.string())

    def column(self, numbers: Integers, valid: NDArray[np.bool_]) -> pa.DictionaryArray:
        """Words of numbers (n,)."""
        index = self._index[numbers]
        return pa.DictionaryArray.from_arrays(pa.array(index, mask=~valid | (index == _NONE)), self._words)


def _words(members: Iterable[IntEnum]) -> _Words:
    return _Words({int(member): member.name.lower() for member in members})


class Columns:
    """Converts the records of one cluster."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self._kinds = _words(kind for kind in Kind if kind not in LEFT_OUT)
        self._codes = _words(Code)
        self._labels = _words(Label)
        self._channels = _words(Channel)
        self._movements = _words(MOVEMENTS)
        self._actions = _words(Action)
        self._wallet_kinds = _words(WalletKind)
        self._statuses = _words(WalletStatus)
        self._currencies = _Words(ALPHA)
        self._states = _words(OrderState)
        self._results = _words(InquiryResult)
        self._resolutions = _words(Resolution)
        self._countries = _Words(COUNTRIES)
        none = np.empty(0, np.int64)
        self.schema: pa.Schema = self.table(np.empty(0, RECORD), none, none).schema

    def table(
        self,
        records: Records,
        addresses: NDArray[np.int64],
        seen: NDArray[np.int64],
        controls: NDArray[np.int64] | None = None,
    ) -> pa.Table:
        """Records (n,) at addresses (n,), none of the kinds LEFT_OUT, with the `seen` and `controls` of their blocks, 0 = none."""
        controls = np.zeros(len(records), np.int64) if controls is None else controls
        # Fields of 160-byte rows are taken out once each; from then on everything is contiguous.
        field = {name: np.ascontiguousarray(records[name]) for name in _USED}
        kind = field["kind"]
        is_ = {name: table[kind] for name, table in _CLASSES.items()}
        return pa.table(
            {
                **self._what(field, addresses, is_),
                **self._balances(field, is_),
                **self._context(field, is_),
                **self._wallet(field, is_),
                **self._credit(field, is_, records),
                "seen": pa.array(seen, mask=seen == 0),
                "controls": pa.array(controls.astype(np.uint16), mask=controls == 0),
            }
        )

    def _what(
        self, field: dict[str, Integers], addresses: NDArray[np.int64], is_: dict[str, NDArray[np.bool_]]
    ) -> dict[str, Any]:
        everything = np.ones(len(addresses), np.bool_)
        reference, expiry, flags = field["reference"], field["expiry"], field["flags"]
        return {
            "address": pa.array(addresses),
            "id": _uuids(transfer_ids(self._secret, np.asarray(field["record_time"], np.int64), addresses), everything),
            "record": self._kinds.column(field["kind"], everything),
            "code": self._codes.column(field["code"], everything),
            "record_time": pa.array(field["record_time"]).cast(_TIME),
            "effective_time": pa.array(field["effective_time"]).cast(_TIME),
            "payer": self._wallets(field["payer"], ~is_["wallet"] & (~is_["credit"] | (field["payer"] != 0))),
            "payee": self._wallets(field["payee"], ~is_["wallet"] & (~is_["credit"] | is_["order"])),
            "amount": pa.array(field["amount"], mask=is_["wallet"] | is_["score"]),
            "currency": self._currencies.column(field["currency"], everything),
            "kind": self._labels.column(field["label"], ~is_["wallet"] & ~is_["credit"]),
            "reference": pa.array(reference, mask=~(is_["refers"] | is_["about"]) | (reference == 0)),
            "movement": self._movements.column(field[MOVEMENT], is_["leg"]),
            "expiry": pa.array(expiry, mask=~(is_["hold"] | is_["about"]) | (expiry == 0)).cast(_TIME),
            "held_for": pa.array(field["payee_lag"], mask=~_held_for(field)),
            **{name: pa.array(flags & flag != 0) for name, flag in FLAG_COLUMNS.items()},
        }

    def _balances(self, field: dict[str, Integers], is_: dict[str, NDArray[np.bool_]]) -> dict[str, Any]:
        done = field["code"] == 0
        own_payer = is_["transfer"] & done
        own_payee = (is_["movement"] & done & (field["flags"] & FLAG_REMOTE == 0)) | is_["leg"]
        return {
            "payer_posted": pa.array(field["payer_posted"], mask=~own_payer),
            "payer_held": pa.array(field["payer_held"], mask=~own_payer),
            "payee_posted": pa.array(field["payee_posted"], mask=~own_payee),
        }

    def _context(self, field: dict[str, Integers], is_: dict[str, NDArray[np.bool_]]) -> dict[str, Any]:
        attempt = is_["attempt"]
        scored = attempt & (field["flags"] & FLAG_SCORED != 0)
        return {
            "caller": pa.array(field["caller"], mask=field["caller"] == 0),
            "channel": self._channels.column(field["channel"], attempt & (field["channel"] != 0)),
            "country": self._countries.column(field["country"], attempt),
            "device": pa.array(field["device"], mask=~attempt | (field["device"] == 0)),
            "decision": self._actions.column(field["decision"], scored),
            "points": pa.array(field["points"], mask=~scored),
            "reasons": pa.array(field["reasons"], mask=~scored),
            "pack": pa.array(field["pack"], mask=~scored),
        }

    def _wallet(self, field: dict[str, Integers], is_: dict[str, NDArray[np.bool_]]) -> dict[str, Any]:
        opened = is_["opened"]
        return {
            "wallet": self._wallets(field["payee"], is_["wallet"]),
            "wallet_kind": self._wallet_kinds.column(field[WALLET_KIND], is_["wallet"]),
            "wallet_status": self._statuses.column(field[WALLET_STATE], is_["status"] | is_["profile"]),
            "tier": pa.array(field[TIER], mask=~(opened | is_["tier"] | is_["profile"])),
            "floor": pa.array(field[FLOOR], mask=~opened),
        }

    def _credit(
        self, field: dict[str, Integers], is_: dict[str, NDArray[np.bool_]], records: Records
    ) -> dict[str, Any]:
        inquiry, order, score = is_["asked"], is_["order"], is_["score"]
        scored = records[score].view(SCORE)
        parts = np.zeros((len(records), len(DIMENSIONS)), np.int16)
        parts[score] = scored["subtotals"]
        return {
            "account": pa.array(field[ACCOUNT], mask=~is_["about"]),
            "scenario": pa.array(field[SCENARIO], mask=~is_["about"]),
            "order_state": self._states.column(field[ORDER_STATE], order),
            "result": self._results.column(field[RESULT_OF_INQUIRY], inquiry),
            "resolution": self._resolutions.column(field[RESOLUTION], is_["resolved"]),
            "granted": pa.array(field[GRANTED], mask=~inquiry),
            "score": pa.array(field[SCORE_SEEN], mask=~(inquiry | score) | (field[SCORE_SEEN] == 0)),
            "score_cause": pa.array(field["channel"], mask=~score | (field["channel"] == 0)),
            "band": pa.array(field["label"], mask=~score | (field[SCORE_SEEN] == 0)),
            "card": pa.array(field["pack"], mask=~score),
            "run": pa.array(field[RUN], mask=~score),
            **{name: pa.array(parts[:, i], mask=~score) for i, name in enumerate(DIMENSIONS)},
        }

    def _wallets(self, addresses: Integers, valid: NDArray[np.bool_]) -> pa.Array:
        return _uuids(encode_wallets(self._secret, np.asarray(addresses, np.int64)), valid)


def _held_for(field: dict[str, Integers]) -> NDArray[np.bool_]:
    """Which records are of holds in review that were asked for as holds."""
    held: NDArray[np.bool_] = (
        (field["kind"] == Kind.HOLD) & (field["flags"] & FLAG_REVIEW != 0) & (field[HELD_FOR] != 0)
    )
    return held


def _uuids(raw: NDArray[np.uint8], valid: NDArray[np.bool_]) -> pa.Array:
    """Ids (n, 16) as UUIDs."""
    bitmap = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    storage = pa.Array.from_buffers(pa.binary(16), len(raw), [bitmap, pa.py_buffer(np.ascontiguousarray(raw))])
    return pa.ExtensionArray.from_storage(_UUID, storage)


def _class(kinds: Iterable[Kind]) -> NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(kinds)] = True
    return table


_CLASSES: Final = {
    "transfer": _class({*ATTEMPTS, *MOVEMENTS, *REFERRING}),
    "attempt": _class(ATTEMPTS),
    "movement": _class(MOVEMENTS),
    "refers": _class({*REFERRING, Kind.LEG}),
    "hold": _class({Kind.HOLD, Kind.APPROVAL}),
    "leg": _class({Kind.LEG}),
    "wallet": _class({Kind.WALLET_OPENED, Kind.WALLET_STATUS, Kind.WALLET_TIER, Kind.PROFILE}),
    "opened": _class({Kind.WALLET_OPENED}),
    "status": _class({Kind.WALLET_STATUS}),
    "tier": _class({Kind.WALLET_TIER}),
    "profile": _class({Kind.PROFILE}),
    "credit": _class(kind for kind in Kind if kind >= FIRST_CREDIT),
    "about": _class(kind for kind in Kind if kind >= FIRST_CREDIT and kind != Kind.SCORE),
    "asked": _class({Kind.INQUIRY}),
    "order": _class(kind for kind in Kind if Kind.ORDER_CREATED <= kind <= LAST_ORDER),
    "score": _class({Kind.SCORE}),
    "resolved": _class({Kind.DISPUTE_ANSWERED, Kind.DISPUTE_RESOLVED, Kind.CREDIT_REVIEW_RESOLVED}),
}
