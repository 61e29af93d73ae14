"""The calls of an import.

What was not answered is sent again, the same under the same keys, until it is.

A refusal that no retry can heal raises; so does a switch that has answered nothing for a long time.
"""

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import aiohttp
import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.wording import counted
from switch.client.settings import switch_key, switch_url
from switch.http.times import time_text
from switch.importer.history import KINDS, History, WalletSpec
from switch.problems.table import NUMBERS, PROBLEMS, number_outcome

ARROW: Final = "application/vnd.apache.arrow.stream"
JSON: Final = "application/json"
REQUEST_TIMEOUT_S: Final = 120.0
SILENCE_MAX_S: Final = 600.0
"""Nothing answered for so long: the import stops, and can be resumed."""
PAUSE_MIN_S: Final = 0.05
PAUSE_MAX_S: Final = 5.0
_RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})

_UUID: Final = pa.binary(16)
_SCHEMA: Final = pa.schema(
    [
        pa.field("idempotency_key", _UUID, False),
        pa.field("payer", _UUID, False),
        pa.field("payee", _UUID, False),
        pa.field("amount", pa.int64(), False),
        pa.field("currency", pa.dictionary(pa.int8(), pa.string()), False),
        pa.field("kind", pa.dictionary(pa.int8(), pa.string()), False),
        pa.field("after", _UUID, False),
        pa.field("effective_time", pa.timestamp("ms", "UTC"), False),
    ]
)
_KIND_NAMES: Final = pa.array(KINDS)
_CODE_NUMBERS: Final = {name: number for number, name in NUMBERS.items()}
_AGAIN: Final = [number for number in NUMBERS if number and number_outcome(number).retryable]
_ENCODE: Final = msgspec.json.Encoder().encode


class SwitchError(Exception):
    """The switch refused something that no retry can heal, or cannot be reached."""


def first_of(error: BaseException) -> BaseException:
    """What went wrong first where several things were under way."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class Answers(NamedTuple):
    """Per row: its code's number, the id of the transfer (n, 16), and whether the answer is an earlier one's. `tries`: how often the rows
    were sent until somebody answered."""

    codes: NDArray[np.uint16]
    ids: NDArray[np.uint8]
    replayed: NDArray[np.bool_]
    tries: int = 1


class Made(NamedTuple):
    """A wallet of an import; `there_before`: another one made it, or a person."""

    identity: uuid.UUID
    there_before: bool


class Standing(msgspec.Struct, frozen=True):
    """A wallet as the switch shows it."""

    kind: str
    currency: str
    posted: int
    held: int
    floor: int | None = None


class _Wallet(msgspec.Struct, frozen=True):
    id: str | None
    code: str


class _Transfer(msgspec.Struct, frozen=True):
    id: str | None
    code: str
    replayed: bool


class _Wallets(msgspec.Struct, frozen=True):
    results: list[_Wallet]


class _Transfers(msgspec.Struct, frozen=True):
    results: list[_Transfer]


class Recorded(msgspec.Struct, frozen=True):
    """A payment that was made before."""

    id: str
    payer: str
    payee: str
    amount: int
    currency: str
    kind: str
    effective_at: str
    created_at: str
    code: str = "ok"


_RECORDED: Final = msgspec.json.Decoder(Recorded).decode
_STANDING: Final = msgspec.json.Decoder(Standing).decode
_WALLETS: Final = msgspec.json.Decoder(_Wallets).decode
_TRANSFERS: Final = msgspec.json.Decoder(_Transfers).decode


class Backoff:
    """Ever longer rests between tries, until too long passes without an answer, by the clock: a machine that sleeps does not stop it."""

    def __init__(self) -> None:
        self._length = PAUSE_MIN_S
        self._deadline = time.time() + SILENCE_MAX_S

    async def take(self, asked_s: float, why: str) -> None:
        """Rest, at least as long as the switch asked for. Raises SwitchError when it was silent too long."""
        if time.time() > self._deadline:
            raise SwitchError(f"the switch has not answered for {SILENCE_MAX_S:.0f} s: {why}")
        await asyncio.sleep(max(asked_s, self._length))
        self._length = min(2 * self._length, PAUSE_MAX_S)


class Client:
    """A keep-alive session. It calls `observe(seconds)` for each answered call and `waiting(why)` for each that must be tried again."""

    def __init__(
        self,
        url: str,
        key: str | None,
        concurrency: int,
        observe: Callable[[float], None] = lambda seconds: None,
        waiting: Callable[[str], None] = lambda why: None,
    ) -> None:
        self._url, key = switch_url(url), switch_key(key)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._observe = observe
        self._waiting = waiting
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=concurrency),
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
            headers=self._headers,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def ready(self, within_s: float) -> None:
        """Wait until the switch takes payments. Raises SwitchError when it does not in time."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                async with self._session.get(f"{self._url}/readyz") as response:
                    if response.status == 200:
                        return
                    why = f"/readyz answers {response.status}"
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                why = str(error) or type(error).__name__
            if time.monotonic() > deadline:
                raise SwitchError(f"no switch is ready at {self._url}: {why}")
            await asyncio.sleep(PAUSE_MIN_S)

    async def may_pay_and_read(self) -> None:
        """Raise SwitchError when the key has not the scopes of the calls that come after wallets were made: by calls that do nothing. That
        it may make wallets of the past is seen before the first one is there."""
        for method, path in (("GET", "/v1/wallets?external_id=-"), ("POST", "/v1/transfers/batch")):
            async with self._session.request(method, self._url + path, headers={"Content-Type": JSON}) as response:
                if response.status in (401, 403):
                    raise SwitchError(f"{method} {path}: {_problem_text(response.status, await response.read())}")

    async def create_wallets(self, wallets: Sequence[WalletSpec], key: uuid.UUID) -> list[Made]:
        """Wallets that were made now or under the same key before, or that were there; all of one time of opening. Raises SwitchError."""
        body = _ENCODE({"wallets": [_wallet_body(wallet) for wallet in wallets]})
        headers = {
            "Content-Type": JSON,
            "Idempotency-Key": str(key),
            "Shardpay-Time": time_text(wallets[0].opened_ms),
        }
        pause = Backoff()
        while True:
            results = _WALLETS((await self._call("POST", "/v1/wallets/batch", body, headers))[0]).results
            missing = [(w, r.code) for w, r in zip(wallets, results, strict=True) if r.id is None]
            if not missing:
                return [Made(uuid.UUID(each.id), each.code == TAKEN) for each in results if each.id is not None]
            for wallet, code in missing:
                if not PROBLEMS[code].retryable:
                    raise SwitchError(f"the wallet {wallet.external_id} cannot be made: {code}{_HINTS.get(code, '')}")
            await pause.take(0.0, f"{counted(len(missing), 'wallet')} could not be made yet")

    async def transfers(
        self, history: History, rows: NDArray[np.int64], wallets: NDArray[np.uint8], after: NDArray[np.uint8]
    ) -> Answers:
        """Send rows (k,) of a history as one batch. wallets (w, 16): ids; after (k, 16): ids, nil for none. Raises SwitchError."""
        plain = history.references is None
        body = (arrow_body if plain else json_body)(history, rows, wallets, after)
        headers = _batch_headers(ARROW if plain else JSON)
        answer, tries = await self._call("POST", "/v1/transfers/batch", body, headers)
        return (arrow_answers if plain else json_answers)(answer)._replace(tries=tries)

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """The answer to a request that may be sent again. Raises SwitchError."""
        return (await self._call("POST", path, body, headers))[0]

    async def standing(self, wallet: uuid.UUID) -> Standing:
        """What a wallet is and holds. Raises SwitchError."""
        return _STANDING((await self._call("GET", f"/v1/wallets/{wallet}", None, {}))[0])

    async def has_payments(self, wallet: uuid.UUID) -> bool:
        """Whether anything was ever paid from or to a wallet. Raises SwitchError."""
        answer, _ = await self._call("GET", f"/v1/wallets/{wallet}/transfers?limit=1", None, {})
        return bool(json.loads(answer)["data"])

    async def recorded(self, wallet: NDArray[np.uint8], key: NDArray[np.uint8]) -> Recorded | None:
        """The payment under a key of a wallet, None when there is none. Raises SwitchError."""
        path = f"/v1/transfers?wallet={_uuid_text(wallet)}&idempotency_key={_uuid_text(key)}"
        answer, _ = await self._call("GET", path, None, {}, absent="key_not_seen")
        return _RECORDED(answer) if answer else None

    async def transfer(self, identity: bytes) -> Recorded | None:
        """The payment with an id, None when there is none. Raises SwitchError."""
        path = f"/v1/transfers/{uuid.UUID(bytes=identity)}"
        answer, _ = await self._call("GET", path, None, {}, absent="transfer_not_found")
        return _RECORDED(answer) if answer else None

    async def _call(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], absent: str = ""
    ) -> tuple[bytes, int]:
        """The answer, and how often it was asked for; nothing where the answer is the problem `absent`."""
        pause = Backoff()
        for tries in itertools.count(1):
            asked_s = 0.0
            started = time.perf_counter()
            try:
                async with self._session.request(method, self._url + path, data=body, headers=headers) as response:
                    answer = await response.read()
                if response.status in (200, 201):
                    self._observe(time.perf_counter() - started)
                    return answer, tries
                if absent and response.status == 404 and json.loads(answer).get("code") == absent:
                    return b"", tries
                why = _problem_text(response.status, answer)
                if response.status not in _RETRIED:
                    raise SwitchError(f"{method} {path}: {why}")
                asked_s = _seconds(response.headers.get("Retry-After"))
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                why = str(error) or type(error).__name__
            self._waiting(why)
            await pause.take(asked_s, why)
        raise AssertionError("counts have no end")


TAKEN: Final = "external_id_taken"
_HINTS: Final = {
    TAKEN: "; it was made with a key of another account",
    "idempotency_mismatch": "; it was made with other limits or times by an import of another version",
}


def _batch_headers(content_type: str) -> dict[str, str]:
    """Of one batch, however often it is sent."""
    return {"Content-Type": content_type, "Idempotency-Key": str(uuid.uuid4())}


def untried(codes: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Which rows must be sent again: those not tried, and those whose answer was lost."""
    again: NDArray[np.bool_] = np.isin(codes, _AGAIN)
    return again


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and text.isdigit() else 0.0


def _problem_text(status: int, answer: bytes) -> str:
    try:
        problem = json.loads(answer)
        return f"{status} {problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        return str(status)


def _wallet_body(wallet: WalletSpec) -> dict[str, Any]:
    body: dict[str, Any] = {"currency": wallet.currency, "kind": wallet.kind, "external_id": wallet.external_id}
    if wallet.floor:
        body["floor"] = wallet.floor
    return body


def _uuids(raw: NDArray[np.uint8]) -> pa.Array:
    flat = np.ascontiguousarray(raw)
    return pa.FixedSizeBinaryArray.from_buffers(_UUID, len(flat), [None, pa.py_buffer(flat)])


def arrow_body(
    history: History, rows: NDArray[np.int64], wallets: NDArray[np.uint8], after: NDArray[np.uint8]
) -> bytes:
    """Rows (k,) as an Arrow stream."""
    payments = history.payments
    payer = payments.payer[rows]
    names = sorted({wallet.currency for wallet in history.wallets})
    if len(names) == 1:
        currency = np.zeros(len(rows), np.int8)
    else:
        currency = np.array([names.index(history.wallets[p].currency) for p in payer.tolist()], np.int8)
    arrays = [
        _uuids(history.keys[rows]),
        _uuids(wallets[payer]),
        _uuids(wallets[payments.payee[rows]]),
        pa.array(payments.amount[rows]),
        pa.DictionaryArray.from_arrays(pa.array(currency), pa.array(names)),
        pa.DictionaryArray.from_arrays(pa.array(payments.kind[rows].astype(np.int8)), _KIND_NAMES),
        _uuids(after),
        pa.array(payments.effective_ms[rows]).cast(pa.timestamp("ms", "UTC")),
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _SCHEMA) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))
    body: bytes = sink.getvalue().to_pybytes()
    return body


def arrow_answers(body: bytes) -> Answers:
    """The answer to `arrow_body`."""
    with pa.ipc.open_stream(body) as reader:
        table = reader.read_all().combine_chunks()
    ids = table.column("id").combine_chunks()
    start = ids.offset * 16
    raw = np.frombuffer(ids.buffers()[1], np.uint8)[start : start + len(ids) * 16]
    return Answers(
        table.column("code").to_numpy(),
        raw.reshape(len(ids), 16),
        table.column("replayed").to_numpy(zero_copy_only=False),
    )


def json_body(history: History, rows: NDArray[np.int64], wallets: NDArray[np.uint8], after: NDArray[np.uint8]) -> bytes:
    """Rows (k,) as a JSON batch, with their references."""
    payments, references = history.payments, history.references
    transfers = []
    for place, row in enumerate(rows.tolist()):
        payer = int(payments.payer[row])
        transfer = {
            "idempotency_key": _uuid_text(history.keys[row]),
            "payer": _uuid_text(wallets[payer]),
            "payee": _uuid_text(wallets[payments.payee[row]]),
            "amount": int(payments.amount[row]),
            "currency": history.wallets[payer].currency,
            "kind": KINDS[payments.kind[row]],
            "effective_at": time_text(int(payments.effective_ms[row])),
        }
        if after[place].any():
            transfer["after"] = _uuid_text(after[place])
        if references is not None and references[row]:
            transfer["reference"] = references[row]
        transfers.append(transfer)
    return _ENCODE({"transfers": transfers})


def json_answers(body: bytes) -> Answers:
    """The answer to `json_body`."""
    results = _TRANSFERS(body).results
    nil = bytes(16)
    raw = b"".join(nil if result.id is None else uuid.UUID(result.id).bytes for result in results)
    codes = [_CODE_NUMBERS[result.code] for result in results]
    return Answers(
        np.array(codes, np.uint16),
        np.frombuffer(raw, np.uint8).reshape(len(results), 16),
        np.array([result.replayed for result in results], np.bool_),
    )


def _uuid_text(raw: NDArray[np.uint8]) -> str:
    return str(uuid.UUID(bytes=raw.tobytes()))
