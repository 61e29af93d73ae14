"""Compile every kernel of the ledger by using each once.

No payment waits for a compiler.
"""

import numpy as np

from actors.ledger.admission import Channels
from actors.ledger.bounds import Capacity
from actors.ledger.chains import leaves_at
from actors.ledger.inquiries import Turn
from actors.ledger.ledger import Admitted, Ledger, LedgerConfig
from actors.records.addresses import record_address, wallet_address
from actors.records.blocks import addresses_of
from actors.records.credit_layout import CREDIT_RESULT, DIMENSIONS, SCORE_RANGE, SCORE_ROW, OrderState
from actors.records.ids import bound_key, decode_transfers, decode_wallets, encode_wallets, transfer_id, transfer_ids
from actors.records.layout import (
    ACCOUNT,
    CREDIT_PREVIOUS,
    FLAG_LINKED,
    ORDER_STATE,
    ORIGINAL,
    RECORD,
    REQUEST,
    WALLET,
    Kind,
    Requests,
)
from actors.records.score_columns import NOTHING, fill_plain, fill_reasons, fill_subtotals
from actors.records.secret import Secret
from actors.records.survey import survey_records, survey_requests
from models.jit import read_only
from rules.vocabulary.encodings import WalletKind

_SMALL = Capacity(segments=4, segment_map=8, keys=64, payers=8, attempts=512, profiles=8, holds=8, originals=8)
_EXTERNAL = wallet_address(0, 1024)
_REMOTE = wallet_address(3, 0)


def _rows(key: int, **columns: int) -> Requests:
    rows = np.zeros(1, REQUEST)
    rows["key_lo"], rows["currency"] = key, 978
    for name, value in columns.items():
        rows[name] = value
    return rows


def _group(key: int, **columns: int) -> Requests:
    rows = np.concatenate([_rows(key, op=Kind.TRANSFER, **columns), _rows(key + 1, op=Kind.TRANSFER, **columns)])
    rows["flags"][0] = FLAG_LINKED
    return rows


def warm() -> None:
    """Take a few seconds the first time on a machine, and a fraction of one when the compiled code is found on disk."""
    ledger = Ledger(LedgerConfig(shard=0, shards=2, secret=bytes(16)), _SMALL)
    ledger.advance(1)
    ledger.book.owners[1:4] = (1, 1, 2)
    ledger.use_segment(1)
    channels = Channels(np.zeros(2, np.int64), np.zeros(2, np.int64))
    batches = (
        _rows(1, op=Kind.WALLET_OPENED, kind=WalletKind.EXTERNAL, payee=_EXTERNAL),
        _rows(2, op=Kind.WALLET_OPENED, kind=WalletKind.USER),
        _rows(3, op=Kind.TRANSFER, payer=_EXTERNAL, payee=wallet_address(1, 0), amount=5),
        _rows(4, op=Kind.TRANSFER, payer=wallet_address(1, 0), payee=_EXTERNAL, amount=1),
        _rows(5, op=Kind.WALLET_TIER, payee=wallet_address(1, 0), tier=1),
        _rows(6, op=Kind.HOLD, payer=wallet_address(1, 0), payee=_EXTERNAL, amount=1, expires_in_s=1),
        _rows(7, op=Kind.CAPTURE, payer=wallet_address(1, 0), payee=_EXTERNAL, after=record_address(0, 6, 0)),
        _rows(8, op=Kind.REFUND, payer=_EXTERNAL, payee=wallet_address(1, 0), after=record_address(0, 4, 0)),
        _group(9, payer=wallet_address(1, 0), payee=_EXTERNAL, amount=1),
        _rows(11, op=Kind.HOLD, payer=wallet_address(1, 0), payee=_EXTERNAL, amount=1, expires_in_s=1),
    )
    original = np.zeros(1, ORIGINAL)
    for name, value in (("address", record_address(0, 4, 0)), ("payer", wallet_address(1, 0)), ("payee", _EXTERNAL)):
        original[name] = value
    original["amount"], original["kind"], original["currency"] = 1, Kind.TRANSFER, 978
    ledger.know_original(original[0], 0)
    made, places = [], []
    for block, rows in enumerate(batches, start=1):
        admitted = ledger.going_on(rows, ledger.admit(rows, channels, record_address(0, block, 0) - 1))
        ledger.columns(admitted)
        applied = ledger.apply(admitted, None, record_address(0, block, 0))
        assert len(applied.records) == len(rows) and not applied.records["code"].any(), (
            "a step of the warm-up was refused"
        )
        made.append(applied.records)
        places.append(addresses_of(0, block, len(rows)))
        leaves_at(applied.records, record_address(0, block, 0), _EXTERNAL, record_address(0, block, 0))
    ledger.advance(2_000)
    end = len(batches) + 1
    made.append(ledger.expire(record_address(0, end, 0)))
    places.append(addresses_of(0, end, 1))
    _warm_channels(ledger)
    _warm_credit(ledger)
    replica = Ledger(ledger.config, _SMALL)
    records = np.concatenate(made)
    assert replica.replay(records, np.concatenate(places)) == len(records)
    replica.key_address(1, 1)
    replica.key_addresses(batches[0])
    survey_requests(batches[0])
    survey_records(records)
    _warm_ids(ledger.secret)


def _warm_ids(secret: Secret) -> None:
    one = np.ones(1, np.int64)
    decode_wallets(secret, encode_wallets(secret, one))
    decode_transfers(secret, transfer_ids(secret, one, one))
    transfer_id(secret, 1, 1)


def warm_last() -> None:
    """The kernels that `warm` comes to last, on nothing at all: for a second process that compiles meanwhile."""
    ledger = Ledger(LedgerConfig(shard=0, shards=2, secret=bytes(16)), _SMALL)
    none = np.zeros(0, np.int64)
    ledger.apply(Admitted(none, np.zeros(0, REQUEST), none, none, none, 0, 0), None, record_address(0, 1, 0))
    ledger.replay(np.zeros(0, RECORD), none)
    ledger.expire(record_address(0, 1, 0))
    _warm_channels(ledger)
    _warm_credit(ledger, holder=0)


def _warm_credit(ledger: Ledger, holder: int = wallet_address(1, 0)) -> None:
    """What credit requests call from Python: a shard that compiled with its first consent would stand still for seconds."""
    account, expiry = 1, ledger.record_time + 1
    kinds = (
        (Kind.INQUIRY,)
        if not holder
        else (Kind.CONSENT_GRANTED, Kind.INQUIRY, Kind.CONSENT_WITHDRAWN, Kind.ORDER_CREATED)
    )
    records = np.zeros(len(kinds), RECORD)
    records["kind"], records["payer"], records[ACCOUNT], records["expiry"] = kinds, holder, account, expiry
    records[ORDER_STATE], records["reference"] = OrderState.CREATED, 1
    for address, record in enumerate(records, start=1):
        record[CREDIT_PREVIOUS] = address - 1 if holder else 0
        assert ledger.credit.effect(ledger.book, record, address), "a step of the warm-up was refused"
    _warm_scores(ledger, holder)
    ledger.credit.consent(holder, account, 0, 0)
    ledger.credit.order(1)
    assert ledger.has_key_room(1) and ledger.remember_key(1, 1, 1)
    bound_key(ledger.secret, 1, 1, bytes(16))


def _warm_scores(ledger: Ledger, holder: int) -> None:
    """A score, of the holder or of nobody, and the same in a replay; and what front doors make of columns."""
    rows = np.zeros(1, SCORE_ROW)
    rows["holder"], rows["run"] = holder, 1
    rows["score"] = rows["subtotals"][:, 0] = SCORE_RANGE.start
    made = ledger.credit.publish(ledger.book, Turn(ledger.record_time, 0, 1, 0), 1, rows, np.zeros(1, CREDIT_RESULT))
    assert len(made.records) == (1 if holder else 0), "a step of the warm-up was refused"
    record = np.zeros(1, RECORD)
    record["kind"], record["payer"] = Kind.SCORE, holder
    ledger.credit.replay(ledger.book, record, np.ones(1, np.int64))
    one, long = (read_only(np.ones(1, kind)) for kind in (np.int32, np.int64))
    bits, numbers = read_only(np.zeros(1, np.uint8)), read_only(np.ones(2, np.uint16))
    score, everybody = (one, read_only(np.ones(1, np.uint8))), read_only(np.empty(0, np.uint8))
    causes, bands = (one, bits, numbers), read_only(np.ones(2, np.uint8))
    assert fill_plain(0, 1, long, long, score, causes, bands, rows)[0] == NOTHING
    parts = ((one, everybody), *((one, bits),) * (len(DIMENSIONS) - 1))
    assert fill_subtotals(0, 1, parts, everybody, score, rows)[0] == NOTHING
    lists = read_only(np.arange(2, dtype=np.int32)), everybody
    assert fill_reasons(0, 1, lists, (one, numbers), one, everybody, rows)[0] == NOTHING


def _warm_channels(ledger: Ledger) -> None:
    legs = np.zeros(1, RECORD)
    legs["kind"], legs["payee"], legs["amount"], legs["currency"] = Kind.LEG, wallet_address(1, 0), 1, 978
    ledger.apply_legs(legs, addresses_of(0, 9, 1))
    profile = np.zeros(1, RECORD)
    profile["kind"], profile["payee"], profile["currency"], profile["label"] = (
        Kind.PROFILE,
        _REMOTE,
        978,
        WalletKind.USER,
    )
    ledger.learn(profile[0])
    assert ledger.wallets(np.array([_EXTERNAL], np.int64)).dtype == WALLET
