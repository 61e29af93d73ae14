"""The data that all contenders share: who pays whom, as requests, Arrow bodies and ledger rows.

A seed makes it all.

Payers are uniform. Half of the payees are uniform, half follow Zipf's law: a few merchants receive much of the traffic, as in life,
and the rules see no burst by any payer.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.records.layout import REQUEST, Kind, Requests
from rules.vocabulary.encodings import Channel, Label

CURRENCY: Final = "EUR"
CURRENCY_NUMBER: Final = 978
AMOUNT_MAX: Final = 1_000
"""Below every amount that a rule of the built-in pack looks at."""
OPENING: Final = 100_000_000
"""What each wallet is given: no payment is declined for want of money."""

Ids = NDArray[np.uint8]


def pairs(count: int, wallets: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indexes (count,) of payers and payees among `wallets`, never the same."""
    payers = rng.integers(0, wallets, count)
    weights = np.cumsum(1.0 / np.arange(1, wallets + 1))
    hot = np.searchsorted(weights, rng.random(count) * weights[-1])
    payees = np.where(rng.random(count) < 0.5, hot, rng.integers(0, wallets, count))
    payees = np.minimum(payees, wallets - 1)
    payees = np.where(payees == payers, (payees + 1) % wallets, payees)
    return payers, payees


def uuid_texts(raw: bytes) -> list[str]:
    """Canonical texts of 16-byte ids."""
    text = raw.hex()
    parts = (text[i : i + 32] for i in range(0, len(text), 32))
    return [f"{p[:8]}-{p[8:12]}-{p[12:16]}-{p[16:20]}-{p[20:]}" for p in parts]


def http_request(path: str, host: str, key: str, headers: dict[str, str], body: bytes) -> bytes:
    """One POST request as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {key}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def http_get(path: str, host: str, key: str) -> bytes:
    """One GET request as it goes over the wire."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def payment_requests(wallets: Sequence[str], count: int, *, host: str, key: str, seed: int) -> list[bytes]:
    """Single payments, each under a key of its own."""
    rng = np.random.default_rng(seed)
    payers, payees = pairs(count, len(wallets), rng)
    keys = uuid_texts(rng.bytes(16 * count))
    amounts = rng.integers(1, AMOUNT_MAX + 1, count)
    requests = []
    for idempotency_key, payer, payee, amount in zip(
        keys, payers.tolist(), payees.tolist(), amounts.tolist(), strict=True
    ):
        body = (
            f'{{"payer":"{wallets[payer]}","payee":"{wallets[payee]}","amount":{amount},"currency":"{CURRENCY}",'
            '"kind":"payment","context":{"channel":"app","country":"DE"}}'
        )
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key}
        requests.append(http_request("/v1/transfers", host, key, headers, body.encode()))
    return requests


def arrow_body(keys: bytes, payers: Ids, payees: Ids, amounts: NDArray[np.int64], *, hold: bool = False) -> bytes:
    """Transfers (n,), or holds, as the Arrow stream of POST /v1/transfers/batch."""
    count = len(amounts)
    uuid = pa.binary(16)

    def ids(raw: Any) -> pa.Array:
        return pa.FixedSizeBinaryArray.from_buffers(uuid, count, [None, pa.py_buffer(raw)])

    currencies = pa.DictionaryArray.from_arrays(np.zeros(count, np.int8), pa.array([CURRENCY]))
    columns = {
        "idempotency_key": ids(keys),
        "payer": ids(np.ascontiguousarray(payers)),
        "payee": ids(np.ascontiguousarray(payees)),
        "amount": pa.array(amounts),
        "currency": currencies,
    }
    if hold:
        columns["hold"] = pa.array(np.ones(count, np.bool_))
    batch = pa.RecordBatch.from_pydict(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def payment_body(wallets: Ids, rows: int, seed: int) -> bytes:
    """One Arrow batch of payments between wallets (n, 16)."""
    rng = np.random.default_rng(seed)
    payers, payees = pairs(rows, len(wallets), rng)
    return arrow_body(rng.bytes(16 * rows), wallets[payers], wallets[payees], rng.integers(1, AMOUNT_MAX + 1, rows))


def funding_body(source: Ids, wallets: Ids) -> bytes:
    """One Arrow batch that gives each of the wallets its opening money."""
    rows = len(wallets)
    keys = np.random.default_rng().bytes(16 * rows)
    return arrow_body(keys, np.broadcast_to(source, (rows, 16)), wallets, np.full(rows, OPENING, np.int64))


def unit_body(payers: Ids, payees: Ids, *, hold: bool = False) -> bytes:
    """One Arrow batch of payments, or holds, of one minor unit, wallet by wallet."""
    keys = np.random.default_rng().bytes(16 * len(payers))
    return arrow_body(keys, payers, payees, np.ones(len(payers), np.int64), hold=hold)


# For the ledger itself.


def opening_rows(count: int, rng: np.random.Generator) -> Requests:
    """REQUEST rows that open user wallets which may go deep into debt, so that payments need no funding."""
    rows = np.zeros(count, REQUEST)
    rows["op"] = Kind.WALLET_OPENED
    rows["kind"] = 1
    rows["currency"] = CURRENCY_NUMBER
    rows["caller"] = 1
    rows["amount"] = -(2**50)
    rows["key_hi"], rows["key_lo"] = _random_words(2 * count, rng).reshape(2, count)
    return rows


def payment_rows(addresses: NDArray[np.int64], count: int, rng: np.random.Generator) -> Requests:
    """REQUEST rows of payments between wallets, as a front door sends them. Uniform: the hardest case for the processor's caches."""
    rows = np.zeros(count, REQUEST)
    payers = rng.integers(0, len(addresses), count)
    payees = (payers + rng.integers(1, len(addresses), count)) % len(addresses)
    rows["op"] = Kind.TRANSFER
    rows["label"] = Label.PAYMENT
    rows["channel"] = Channel.APP
    rows["currency"] = CURRENCY_NUMBER
    rows["caller"] = 1
    rows["payer"], rows["payee"] = addresses[payers], addresses[payees]
    rows["amount"] = rng.integers(1, AMOUNT_MAX + 1, count)
    rows["key_hi"], rows["key_lo"] = _random_words(2 * count, rng).reshape(2, count)
    return rows


def _random_words(count: int, rng: np.random.Generator) -> NDArray[np.uint64]:
    return np.frombuffer(rng.bytes(8 * count), np.uint64)
