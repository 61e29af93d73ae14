"""Every bad request gets its documented problem, none a 5xx, and the journal is unchanged. One row a case."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pytest
import pytest_asyncio

from actors.database.pool import Pool
from actors.records.addresses import record_address
from actors.records.ids import transfer_id
from actors.records.secret import Secret
from actors.stores.api_keys import KeyStore
from switch.api.services import Limits
from switch.problems.table import PROBLEMS
from tests.conftest import new_database
from tests.front_door import SECRET, RunningSwitch, running_front_door, running_switch
from tests.reviewer import REVIEWED, Reviewer

pytestmark = pytest.mark.asyncio(loop_scope="session")

ARROW = "application/vnd.apache.arrow.stream"
UNKNOWN = "00003000-0f18-86a7-a655-811d7f69def9"
TIMEOUT_S = 0.3


class Case(msgspec.Struct, kw_only=True):
    """One bad request. `body` is sent as JSON, `data` as it is."""

    name: str
    code: str
    method: str = "POST"
    path: str = "/v1/transfers"
    body: Any = None
    data: Any = None
    headers: dict[str, str] = {}
    key: str | None = "k"
    token: str | None = None
    field: str | None = None


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def switch(postgres_url: str, migrated: str) -> AsyncIterator[RunningSwitch]:
    """One for all: no test changes anything."""
    async with new_database(postgres_url, migrated) as url, running_switch(url, scorer=Reviewer()) as running:
        yield running


class World(msgspec.Struct, kw_only=True):
    """What the cases name."""

    bank: str
    user: str
    dollars: str
    read_key: str
    pay_key: str
    plain: str
    held: str
    case: str
    waiting: str
    approved: str
    declined: str

    @property
    def payment(self) -> dict[str, Any]:
        return {"payer": self.bank, "payee": self.user, "amount": 5, "currency": "EUR"}

    def but(self, **fields: Any) -> dict[str, Any]:
        return {**self.payment, **fields}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(switch: RunningSwitch) -> World:
    pool = await Pool.open(switch.database_url, name="test")
    read = await KeyStore(pool).create("reader", ["read"])
    pay = await KeyStore(pool).create("another caller", ["pay"])
    await pool.close()
    bank, user, dollars = await switch.wallet("external"), await switch.wallet(), await switch.wallet(currency="USD")
    made = {
        "plain": await switch.pay(bank, user, 1),
        "held": await switch.pay(bank, user, 1, hold=True),
        "waiting": await switch.pay(bank, user, REVIEWED, hold=True),
        **{name: await switch.pay(bank, user, REVIEWED) for name in ("case", "approved", "declined")},
    }
    assert {answer.status for answer in made.values()} == {201}
    ids = {name: answer.json["id"] for name, answer in made.items()}
    for name, what in (("approved", "approve"), ("declined", "decline")):
        assert (await switch.call("POST", f"/v1/reviews/{ids[name]}/{what}", {}, key=what)).status == 201
    return World(bank=bank, user=user, dollars=dollars, read_key=read.key, pay_key=pay.key, **ids)


def json_cases(w: World) -> Iterator[Case]:
    text = msgspec.json.encode(w.payment)
    malformed = {
        "empty body": b"",
        "half a body": text[:-7],
        "two values": text + b" " + text,
        "trailing comma": text[:-1] + b",}",
        "byte order mark": b"\xef\xbb\xbf" + text,
        "NaN": b'{"amount": NaN}',
        "Infinity": b'{"amount": Infinity}',
        "leading zero": b'{"amount": 01}',
        "not UTF-8": b'{"reference": "\xff\xfe"}',
        "lone surrogate": b'{"reference": "\\ud800"}',
        "binary": bytes(range(256)),
    }
    for name, data in malformed.items():
        headers = {"Content-Type": "application/json"}
        yield Case(name=name, code="malformed_json", data=data, headers=headers)
    nested = b'{"metadata": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_001
    yield Case(name="deep objects", code="invalid_field", data=nested)
    yield Case(name="deep arrays", code="invalid_field", data=b"[" * 500_000)
    yield Case(name="null body", code="invalid_field", data=b"null")
    yield Case(name="array body", code="invalid_field", body=[w.payment])
    for extra, field in ((b'"amount":7}', "amount"), (b'"metadata":{"a":"b","a":"c"}}', "a")):
        data = text[:-1] + b"," + extra
        yield Case(name=f"repeated {field}", code="invalid_field", data=data, field=field)


def field_cases(w: World) -> Iterator[Case]:
    amounts = [0, -1, 1.5, 5.0, 1e3, True, "5", None, [5], {}, 2**53, 2**63, 2**64, 10**400, -(2**70)]
    for amount in amounts:
        data = msgspec.json.encode(w.payment)[:-1].replace(b'"amount":5', b'"amount":' + _number(amount)) + b"}"
        yield Case(name=f"amount {str(amount)[:20]}", code="invalid_field", data=data, field="amount")
    yield Case(name="amount 1e400", code="invalid_field", data=b'{"amount":1e400}', field="amount")
    fields: list[tuple[str, Any]] = [
        ("payer", ""),
        ("payer", 7),
        ("payer", w.user.replace("-", "_")),
        ("payee", "x" * 36),
        ("payee", w.user + " "),
        ("currency", "XYZ"),
        ("currency", "eur"),
        ("currency", 978),
        ("currency", "EURO"),
        ("after", "yesterday"),
        ("after", str(uuid.uuid4())),
        ("kind", "gift"),
        ("reference", "x" * 257),
        ("reference", ""),
        ("reference", "a\x00"),
        ("payer", None),
        ("metadata", {"k" * 41: "v"}),
        ("metadata", {"": "v"}),
        ("metadata", {"k": "v" * 501}),
        ("metadata", {"k": 1}),
        ("metadata", {str(i): "v" for i in range(51)}),
        ("context", "app"),
        ("context", {"channel": "fax"}),
        ("context", {"country": "Germany"}),
        ("context", {"country": "de"}),
        ("context", {"device": "d" * 65}),
        ("context", {"ip": "300.1.1.1"}),
        ("context", {"colour": "red"}),
        ("hold", "yes"),
        ("hold", 1),
        ("expires_in", 60),
        ("linked", True),
        ("unknown", 1),
    ]
    for field, value in fields:
        case = Case(name=f"{field}={str(value)[:30]}", code="invalid_field", body=w.but(**{field: value}))
        yield case
    for seconds in (0, -1, 1.5, "60", 365 * 86_400 + 1, 2**40):
        body = w.but(hold=True, expires_in=seconds)
        yield Case(name=f"held for {seconds}", code="invalid_field", body=body, field="expires_in")
    for field in w.payment:
        body = {name: value for name, value in w.payment.items() if name != field}
        yield Case(name=f"without {field}", code="invalid_field", body=body, field=field)


def _number(value: Any) -> bytes:
    return str(value).encode() if isinstance(value, int) and not isinstance(value, bool) else msgspec.json.encode(value)


def wallet_cases(w: World) -> Iterator[Case]:
    good = {"currency": "EUR", "kind": "user"}
    bad: list[dict[str, Any]] = [
        {"kind": "user"},
        {"currency": "EUR"},
        {**good, "currency": "ABC"},
        {**good, "currency": "XTS"},
        {**good, "currency": "XXX"},
        {**good, "kind": "suspense"},
        {**good, "kind": "bank"},
        {**good, "floor": 1},
        {**good, "floor": -(2**53)},
        {**good, "tier": 256},
        {**good, "tier": -1},
        {**good, "external_id": ""},
        {**good, "external_id": "x" * 256},
        {**good, "external_id": "a\0b"},
        {**good, "owner": "a\0b"},
        {**good, "metadata": {"a": "\0"}},
        {**good, "attributes": {"a": "\0"}},
        {**good, "attributes": {"a": {"b": 1}}},
        {**good, "attributes": {"a": 2**63}},
        {**good, "balance": 5},
        {"currency": "EUR", "kind": "external", "floor": 0},
        {"currency": "EUR", "kind": "fee", "tier": 1},
    ]
    for body in bad:
        yield Case(name=f"wallet {str(body)[:60]}", code="invalid_field", path="/v1/wallets", body=body)
    batch = "/v1/wallets/batch"
    yield Case(name="no wallets", code="invalid_field", path=batch, body={"wallets": []}, field="wallets")
    many = {"wallets": [good] * 10_001}
    yield Case(name="too many wallets", code="invalid_field", path=batch, body=many, field="wallets")
    second = {"wallets": [good, {**good, "kind": "x"}]}
    yield Case(name="second wallet", code="invalid_field", path=batch, body=second, field="wallets[1].kind")
    path = f"/v1/wallets/{w.user}"
    yield Case(name="patch kind", code="invalid_field", method="PATCH", path=path, body={"kind": "fee"}, field="kind")
    yield Case(name="freeze with a field", code="invalid_field", path=f"{path}/freeze", body={"why": "x"})
    yield Case(name="freeze nobody", code="wallet_not_found", path=f"/v1/wallets/{UNKNOWN}/freeze", body={})


def state_cases(w: World) -> Iterator[Case]:
    yield Case(name="same wallet", code="same_wallet", body=w.but(payer=w.user))
    yield Case(name="forged payer", code="payer_not_found", body=w.but(payer=UNKNOWN))
    yield Case(name="forged payee", code="payee_not_found", body=w.but(payee=UNKNOWN))
    yield Case(name="forged payee of a user", code="payee_not_found", body=w.but(payer=w.user, payee=UNKNOWN))
    yield Case(name="another currency", code="currency_mismatch", body=w.but(currency="USD"))
    yield Case(name="a payee in dollars", code="currency_mismatch", body=w.but(payee=w.dollars))
    never = transfer_id(Secret.of(SECRET), 1_764_000_000_000, record_address(0, 1 << 20, 0))
    forged = str(uuid.UUID(int=uuid.UUID(never).int ^ 1 << 25))
    yield Case(name="after an invented id", code="invalid_field", body=w.but(after=forged), field="after")
    yield Case(name="after a transfer that never was", code="after_not_found", body=w.but(after=never))
    yield Case(
        name="the future",
        code="effective_time_in_future",
        body=w.payment,
        headers={"Shardpay-Time": "2999-01-01T00:00:00Z"},
    )


def header_cases(w: World) -> Iterator[Case]:
    yield Case(name="no key", code="missing_idempotency_key", body=w.payment, key=None)
    for key in ('"', '"half', "x" * 256, "", '""', "schlüssel", 'a"\t"b'):
        yield Case(name=f"key {key[:12]!r}", code="invalid_idempotency_key", body=w.payment, key=key)
    for time in ("now", "2024-01-31", "2024-01-31T10:00:00", "2024-01-31T10:00:00+01:00", "2024-02-30T10:00:00Z", ""):
        headers = {"Shardpay-Time": time}
        yield Case(name=f"time {time!r}", code="invalid_shardpay_time", body=w.payment, headers=headers)
    early = {"Shardpay-Time": "1969-12-31T23:59:59Z"}
    yield Case(name="before 1970", code="invalid_shardpay_time", body=w.payment, headers=early)
    for kind in ("text/plain", "application/x-www-form-urlencoded", ARROW, "multipart/form-data; boundary=x"):
        headers = {"Content-Type": kind}
        yield Case(name=f"type {kind}", code="unsupported_media_type", data=b"{}", headers=headers)
    gzip = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    yield Case(name="gzip", code="unsupported_media_type", data=b"\x1f\x8b" + bytes(20), headers=gzip)
    yield Case(name="other expectation", code="expectation_failed", body=w.payment, headers={"Expect": "miracles"})
    for value in ("", "Bearer", "Bearer ", "Basic eDp5", "Bearer nonsense", "Bearer " + "x" * 600, "Bearer sp_\xff"):
        headers = {"Authorization": value}
        yield Case(name=f"auth {value[:16]!r}", code="unauthenticated", body=w.payment, headers=headers)
    yield Case(name="wrong scope", code="forbidden", body=w.payment, token=w.read_key)
    wallet = {"currency": "EUR", "kind": "user"}
    yield Case(name="read opens", code="forbidden", path="/v1/wallets", body=wallet, token=w.read_key)


def path_cases(w: World) -> Iterator[Case]:
    for path in ("/v1", "/v1/nothing", "/v1/transfers/", "/v2/transfers", "/v1/wallets/x/melt", "/%00", "/console/x"):
        yield Case(name=f"path {path}", code="not_found", method="GET", path=path)
    for method, path in (("DELETE", "/v1/transfers"), ("PUT", f"/v1/wallets/{w.user}"), ("PATCH", "/v1/wallets")):
        yield Case(name=f"{method} {path}", code="method_not_allowed", method=method, path=path)
    identity = str(uuid.uuid4())
    for path, code in (
        ("/v1/transfers/x", "transfer_not_found"),
        (f"/v1/transfers/{identity}", "transfer_not_found"),
        ("/v1/transfers/019a0000-0000-8000-8000-000000001000", "transfer_not_found"),
        ("/v1/transfers/ffffffff-ffff-8fff-bfff-fffffffff000", "transfer_not_found"),
        ("/v1/wallets/x", "wallet_not_found"),
        (f"/v1/wallets/{UNKNOWN}", "wallet_not_found"),
        (f"/v1/wallets/{UNKNOWN}/transfers", "wallet_not_found"),
        ("/v1/transfers", "invalid_query"),
        (f"/v1/transfers?wallet={w.user}", "invalid_query"),
        ("/v1/transfers?wallet=x&idempotency_key=k", "invalid_query"),
        (f"/v1/transfers?wallet={UNKNOWN}&idempotency_key=k", "wallet_not_found"),
        (f"/v1/transfers?wallet={w.user}&idempotency_key=never", "key_not_seen"),
        (f"/v1/transfers?wallet={w.user}&idempotency_key=", "invalid_idempotency_key"),
        ("/v1/wallets", "invalid_query"),
        ("/v1/wallets?owner=a&external_id=b", "invalid_query"),
        ("/v1/wallets?owner=a&owner=b", "invalid_query"),
        ("/v1/wallets?owner=%00", "invalid_query"),
        ("/v1/wallets?owner=%FF", "invalid_query"),
        ("/v1/wallets?external_id=%ED%A0%80", "invalid_query"),
        ("/v1/wallets?owner=a&colour=red", "invalid_query"),
        ("/v1/wallets?owner=a&limit=0", "invalid_query"),
        ("/v1/wallets?owner=a&limit=101", "invalid_query"),
        ("/v1/wallets?owner=a&limit=%C2%B2", "invalid_query"),
        ("/v1/wallets?owner=a&after=zzz", "invalid_query"),
        (f"/v1/wallets/{w.user}?x=1", "invalid_query"),
        (f"/v1/wallets/{w.user}/transfers?from=yesterday", "invalid_query"),
        (f"/v1/wallets/{w.user}/transfers?to=2024-01-01", "invalid_query"),
        (f"/v1/wallets/{w.user}/transfers?from=2024-01-02T00:00:00Z&to=2024-01-02T00:00:00Z", "invalid_query"),
        (f"/v1/wallets/{w.user}/balance", "invalid_query"),
        (f"/v1/wallets/{w.user}/balance?at=now", "invalid_query"),
        (f"/v1/wallets/{UNKNOWN}/balance?at=2024-01-01T00:00:00Z", "wallet_not_found"),
        (f"/v1/wallets/{w.user}/transfers?after=AAAAAAAAAAAAAAAAAAAAAA", "invalid_query"),
    ):
        yield Case(name=f"GET {path}", code=code, method="GET", path=path)


def batch_cases(w: World) -> Iterator[Case]:
    row = {**w.payment, "idempotency_key": "a"}
    bad: list[tuple[Any, str | None]] = [
        ({"transfers": []}, "transfers"),
        ({"transfers": [row] * 10_001}, "transfers"),
        ({"transfers": [w.payment]}, "transfers[0].idempotency_key"),
        ({"transfers": [row, {**row, "amount": 0}]}, "transfers[1].amount"),
        ({"transfers": [row, {**row, "currency": "ABC"}]}, "transfers[1].currency"),
        ({"transfers": [row, {**row, "payee": "x" * 36}]}, "transfers[1].payee"),
        ({"transfers": [row, {**row, "idempotency_key": ""}]}, "transfers[1].idempotency_key"),
        ({"transfers": [row, {**row, "idempotency_key": "ü"}]}, "transfers[1].idempotency_key"),
        ({"transfers": [row], "linked": "yes"}, "linked"),
        ({"transfers": [row], "linked": 1}, "linked"),
        ({"transfers": [{**row, "expires_in": 5}]}, "transfers[0].expires_in"),
        ({}, "transfers"),
        ([row], None),
    ]
    for body, field in bad:
        name = f"batch {str(body)[:40]} {field}"
        yield Case(name=name, code="invalid_field", path="/v1/transfers/batch", body=body, field=field)


def modification_cases(w: World) -> Iterator[Case]:
    never = "019a0000-0000-8000-8000-000000001000"
    for what in ("capture", "void", "refund"):
        path = f"/v1/transfers/{never}/{what}"
        yield Case(name=f"{what} of nothing", code="transfer_not_found", path=path, body={})
        yield Case(name=f"{what} of x", code="transfer_not_found", path=f"/v1/transfers/x/{what}", body={})
        yield Case(name=f"{what} without a key", code="missing_idempotency_key", path=path, body={}, key=None)
        yield Case(name=f"{what} may not be read", code="forbidden", path=path, body={}, token=w.read_key)
        bodies: tuple[Any, ...] = (
            {"amount": 0},
            {"amount": "5"},
            {"amount": 2**53},
            {"final": 1},
            {"colour": "red"},
            [],
            None,
        )
        for body in bodies:
            data = msgspec.json.encode(body)
            yield Case(name=f"{what} {body}", code="invalid_field", path=path, data=data)


def document_cases(w: World) -> Iterator[Case]:
    yaml, good = {"Content-Type": "application/yaml"}, b"name: p\nfallback: approve\nrules: []\n"
    pack, card = "/v1/rule-packs/p", "/v1/scorecards/c"
    for name, data, code in (
        ("no YAML", b"{", "invalid_rule_pack"),
        ("no pack", b"- 1\n", "invalid_rule_pack"),
        ("empty pack", b"", "invalid_rule_pack"),
        ("another name", good.replace(b"name: p", b"name: q"), "invalid_field"),
        ("unknown card", good + b"card: c@1\n", "invalid_rule_pack"),
        ("deep pack", b"name: p\nx: " + b"[" * 5_000, "invalid_rule_pack"),
        (
            "YAML bomb",
            b"a: &a [x,x]\n" + b"".join(b"%c: &%c [*%c,*%c]\n" % (i, i, i - 1, i - 1) for i in range(98, 120)),
            "invalid_rule_pack",
        ),
        ("NUL", good + b"description: \0\n", "invalid_field"),
        ("not UTF-8", b"name: \xff\n", "invalid_field"),
        ("1 MB", b"#" * (1 << 20) + b"\n", "payload_too_large"),
    ):
        yield Case(name=name, code=code, method="PUT", path=pack, data=data, headers=yaml)
    yield Case(
        name="a pack as text",
        code="unsupported_media_type",
        method="PUT",
        path=pack,
        data=good,
        headers={"Content-Type": "text/plain"},
    )
    yield Case(
        name="a pack may not be read",
        code="forbidden",
        method="PUT",
        path=pack,
        data=good,
        headers=yaml,
        token=w.read_key,
    )
    for name, body, field in (
        ("no text", {}, "text"),
        ("a number", {"text": 5}, "text"),
        ("another field", {"text": "", "mode": "live"}, "mode"),
        ("files of numbers", {"text": "", "files": {"a": 1}}, "files.a"),
    ):
        yield Case(name=name, code="invalid_field", method="PUT", path=pack, body=body, field=field)
    for match in ("3", "yesterday", '"x"', '"1", "2"'):
        yield Case(
            name=f"If-Match {match}",
            code="invalid_field",
            method="PUT",
            path=pack,
            data=good,
            headers={**yaml, "If-Match": match},
            field="If-Match",
        )
    yield Case(
        name="If-Match of nothing",
        code="version_conflict",
        method="PUT",
        path=pack,
        data=good,
        headers={**yaml, "If-Match": '"7"'},
    )
    for name in ("1p", "p%20q", "x" * 65):
        yield Case(
            name=f"name {name[:9]}", code="invalid_field", method="GET", path=f"/v1/rule-packs/{name}", field="name"
        )
    for path in ("/v1/rule-packs/p", "/v1/rule-packs/default?version=9"):
        yield Case(name=f"no {path}", code="rule_pack_not_found", method="GET", path=path)
    for query in ("version=0", "version=x", "version=99999999999", "state=live", "version=1&version=1"):
        yield Case(name=query, code="invalid_query", method="GET", path=f"/v1/rule-packs/default?{query}")
    mode = "/v1/rule-packs/default/mode"
    modes: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "mode"),
        ({"mode": "on"}, "mode"),
        ({"mode": "challenger"}, "share"),
        ({"mode": "live", "share": 5}, "share"),
        ({"mode": "challenger", "share": 1001}, "share"),
        ({"mode": "challenger", "share": 0}, "share"),
        ({"mode": "live", "version": 0}, "version"),
        ({"mode": "live", "when": "now"}, "when"),
    )
    for body, field in modes:
        yield Case(name=f"mode {body}", code="invalid_field", path=mode, body=body, field=field)
    yield Case(name="the live pack off", code="deployment_refused", path=mode, body={"mode": "off"})
    yield Case(name="no such version", code="rule_pack_not_found", path=mode, body={"mode": "live", "version": 9})
    yield Case(name="a mode may not be read", code="forbidden", path=mode, body={"mode": "live"}, token=w.read_key)
    yield Case(name="a pack deleted", code="method_not_allowed", method="DELETE", path=pack)
    document: dict[str, Any] = {"name": "c", "version": 1, "characteristics": []}
    cards: tuple[tuple[Any, str, str | None], ...] = (
        ({}, "invalid_scorecard", None),
        ([], "invalid_scorecard", None),
        ({**document, "colour": "red"}, "invalid_scorecard", None),
        ({**document, "name": "d"}, "invalid_field", "name"),
        ({**document, "version": 2}, "invalid_field", "version"),
    )
    for sent, code, where in cards:
        yield Case(name=f"card {sent}", code=code, method="PUT", path=card, body=sent, field=where)
    yield Case(name="no such card", code="scorecard_not_found", method="GET", path=card)
    yield Case(
        name="a card may not be read", code="forbidden", method="PUT", path=card, body=document, token=w.read_key
    )
    mode, tried, counted = f"{card}/mode", "/v1/scorecards/backtest", "/v1/scorecards/population"
    posts: tuple[tuple[str, dict[str, Any], str, str | None], ...] = (
        (mode, {}, "invalid_field", "mode"),
        (mode, {"mode": "challenger"}, "invalid_field", "share"),
        (mode, {"mode": "live", "version": 0}, "invalid_field", "version"),
        (mode, {"mode": "live", "pack": "a\0"}, "invalid_field", "pack"),
        (mode, {"mode": "live", "card": "c@1"}, "invalid_field", "card"),
        (mode, {"mode": "live"}, "scorecard_not_found", None),
        ("/v1/scorecards/1p/mode", {"mode": "live"}, "invalid_field", "name"),
        (tried, {}, "invalid_field", "document"),
        (tried, {"document": document, "name": "c"}, "invalid_field", "document"),
        (tried, {"document": document, "version": 1}, "invalid_field", "version"),
        (tried, {"document": {**document, "base": "x"}}, "invalid_scorecard", "document.base"),
        (tried, {"document": document, "pack": "p"}, "rule_pack_not_found", None),
        (tried, {"document": document, "from": "yesterday"}, "invalid_field", "from"),
        (tried, {"document": document, "text": ""}, "invalid_field", "text"),
        (tried, {"name": "c\0"}, "invalid_field", "name"),
        (tried, {"name": "c"}, "scorecard_not_found", None),
        (counted, {}, "invalid_field", "name"),
        (counted, {"name": "c", "version": 0}, "invalid_field", "version"),
        (counted, {"name": "c", "document": document}, "invalid_field", "document"),
        (counted, {"name": "c"}, "scorecard_not_found", None),
    )
    for path, body, code, where in posts:
        yield Case(name=f"{path} {body}", code=code, path=path, body=body, field=where)
    for path, asked in ((mode, {"mode": "live"}), (tried, {"document": document}), (counted, {"name": "c"})):
        yield Case(name=f"{path} to read", code="forbidden", path=path, body=asked, token=w.read_key)
    repeated = b'{"document": {"name": "c", "name": "c", "version": 1, "characteristics": []}}'
    yield Case(name="a card with two names", code="invalid_field", path=tried, data=repeated, field="name")


def operating_cases(w: World) -> Iterator[Case]:
    """What those who run the switch ask for."""
    for name in ("nothing", "20260101T000000Z-00000000", "..%2Fconfig.toml"):
        yield Case(
            name=f"results {name}", code="bench_report_not_found", method="GET", path=f"/v1/bench/reports/{name}"
        )
    for query in ("after=x", "limit=0", "limit=101", "name=x"):
        yield Case(name=f"keys {query}", code="invalid_query", method="GET", path=f"/v1/keys?{query}")
    for path in ("/v1/keys", "/v1/journal/heads"):
        yield Case(name=f"{path} to read", code="forbidden", method="GET", path=path, token=w.read_key)
    yield Case(name="heads of one shard", code="invalid_query", method="GET", path="/v1/journal/heads?shard=0")


def arrow_cases(w: World) -> Iterator[Case]:
    for name, code, field, data in arrow_bodies(w):
        yield Case(
            name=f"arrow {name}",
            code=code,
            path="/v1/transfers/batch",
            data=data,
            headers={"Content-Type": ARROW},
            field=field,
        )


def arrow_bodies(w: World) -> Iterator[tuple[str, str, str | None, bytes]]:
    good = columns(w, 3)
    body = stream(pa.table(good))
    yield "empty", "malformed_arrow", None, b""
    yield "nonsense", "malformed_arrow", None, b"nonsense" * 100
    yield "JSON", "malformed_arrow", None, b'{"transfers": []}'
    for size in range(8, len(body) - 8, 97):
        yield f"truncated at {size}", "malformed_arrow", None, body[:size]
    for name in good:
        yield f"without {name}", "invalid_field", name, stream(pa.table({k: v for k, v in good.items() if k != name}))
    wrong: list[tuple[str, pa.Array]] = [
        ("amount", pa.array([1, 2, 3], pa.int32())),
        ("amount", pa.array([1, 2, 3], pa.uint64())),
        ("amount", pa.array([1.0, 2.0, 3.0])),
        ("amount", pa.array(["1", "2", "3"])),
        ("amount", pa.array([1, None, 3])),
        ("payer", pa.array([w.bank] * 3)),
        ("payer", pa.array([b"x"] * 3)),
        ("payee", pa.array([uuid.UUID(w.user).bytes, None, None], pa.binary(16))),
        ("idempotency_key", pa.array([b"x" * 8] * 3, pa.binary(8))),
        ("currency", pa.array([978] * 3)),
        ("currency", pa.array([b"EUR"] * 3)),
        ("currency", pa.array(["EUR", None, "EUR"])),
        ("currency", pa.array(["EUR", None, "EUR"]).dictionary_encode()),
        ("after", pa.array([0, 0, 0])),
        ("unknown", pa.array([0, 0, 0])),
        ("hold", pa.array([1, 0, 1])),
        ("hold", pa.array([True, None, True])),
        ("group", pa.array([1, 1, 2], pa.int64())),
        ("expires_in", pa.array([1, 1, 2], pa.int64())),
    ]
    for name, array in wrong:
        yield f"{name} as {array.type}", "invalid_field", name, stream(pa.table({**good, name: array}))
    values: list[tuple[str, str, pa.Array]] = [
        ("amount", "amount[1]", pa.array([1, 0, 3])),
        ("amount", "amount[2]", pa.array([1, 2, 2**53])),
        ("amount", "amount[0]", pa.array([-1, 2, 3])),
        ("currency", "currency[2]", pa.array(["EUR", "EUR", "ABC"])),
        ("expires_in", "expires_in[0]", pa.array([60, None, 60], pa.int32())),
        ("after", "after[0]", pa.array([b"x" * 16] * 3, pa.binary(16))),
        ("channel", "channel[0]", pa.array(["fax"] * 3)),
        ("kind", "kind[0]", pa.array(["gift"] * 3)),
        ("country", "country", pa.array(["Germany"] * 3)),
        ("device", "device", pa.array(["x" * 65] * 3)),
        ("ip", "ip", pa.array(["nowhere"] * 3)),
    ]
    for name, field, array in values:
        yield f"{name} {array[0]}", "invalid_field", field, stream(pa.table({**good, name: array}))
    yield "no rows", "invalid_field", None, stream(pa.table(columns(w, 0)))
    yield "too many rows", "payload_too_large", None, stream(pa.table(columns(w, 65_537)))
    doubled = pa.Table.from_arrays([*good.values(), good["amount"]], names=[*good, "amount"])
    yield "a column twice", "invalid_field", "amount", stream(doubled)
    for codec in ("lz4", "zstd"):
        yield codec, "unsupported_media_type", None, stream(pa.table(columns(w, 5_000)), codec)


def review_cases(w: World) -> Iterator[Case]:
    lists = {
        "status=late": "invalid_query",
        "limit=0": "invalid_query",
        "limit=101": "invalid_query",
        "after=x": "invalid_query",
        "colour=red": "invalid_query",
        "status=open&status=open": "invalid_query",
    }
    for query, code in lists.items():
        yield Case(name=query, code=code, method="GET", path=f"/v1/reviews?{query}")
    yield Case(name="list without the scope", code="forbidden", method="GET", path="/v1/reviews", token=w.read_key)
    for what in ("approve", "decline"):
        states = {
            w.plain: "not_in_review",
            w.held: "not_in_review",
            w.approved: "review_approved",
            w.declined: "review_declined",
            UNKNOWN: "transfer_not_found",
            w.user: "transfer_not_found",
            "x": "transfer_not_found",
        }
        for place, (identity, code) in enumerate(states.items()):
            yield Case(name=f"{what} {place}", code=code, path=f"/v1/reviews/{identity}/{what}", body={})
        path = f"/v1/reviews/{w.case}/{what}"
        yield Case(name=f"{what} without the scope", code="forbidden", path=path, body={}, token=w.read_key)
        yield Case(name=f"{what} an amount", code="invalid_field", path=path, body={"amount": 5}, field="amount")
        yield Case(name=f"{what} by GET", code="method_not_allowed", path=path, method="GET")
        yield Case(name=f"{what} with half a body", code="malformed_json", path=path, data=b"{")
        yield Case(name=f"{what} with an empty key", code="invalid_idempotency_key", path=path, body={}, key="")
    yield Case(
        name="one key two answers", code="idempotency_mismatch", path=f"/v1/reviews/{w.case}/decline", key="approve"
    )
    other = w.pay_key  # of an account that made neither, and so may void neither
    for what, code in {"capture": "hold_in_review", "void": "hold_in_review", "refund": "not_refundable"}.items():
        path = f"/v1/transfers/{w.waiting}/{what}"
        yield Case(name=f"{what} while in review", code=code, path=path, body={}, token=other)
    for what, code in {"capture": "not_a_hold", "void": "not_a_hold", "refund": "not_refundable"}.items():
        path = f"/v1/transfers/{w.case}/{what}"
        yield Case(name=f"{what} of a payment in review", code=code, path=path, body={}, token=other)


def columns(w: World, count: int) -> dict[str, pa.Array]:
    return {
        "idempotency_key": pa.array([uuid.uuid4().bytes for _ in range(count)], pa.binary(16)),
        "payer": pa.array([uuid.UUID(w.bank).bytes] * count, pa.binary(16)),
        "payee": pa.array([uuid.UUID(w.user).bytes] * count, pa.binary(16)),
        "amount": pa.array([1] * count, pa.int64()),
        "currency": pa.array(["EUR"] * count, pa.string()),
    }


def stream(table: pa.Table, codec: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


CASES = (
    document_cases,
    operating_cases,
    json_cases,
    field_cases,
    wallet_cases,
    state_cases,
    header_cases,
    path_cases,
    batch_cases,
    modification_cases,
    review_cases,
    arrow_cases,
)


@pytest.mark.parametrize("cases", CASES, ids=lambda cases: cases.__name__)
async def test_a_bad_request_gets_its_problem_and_changes_nothing(
    switch: RunningSwitch, world: World, cases: Any, subtests: pytest.Subtests
) -> None:
    before = await switch.blocks()
    for case in cases(world):
        with subtests.test(case.name):
            answer = await switch.call(
                case.method,
                case.path,
                case.body,
                key=case.key,
                token=case.token,
                headers=case.headers,
                data=case.data,
            )
            check_problem(answer.status, answer.headers, answer.raw, case.code)
            if case.field is not None:
                assert answer.json["errors"][0]["field"] == case.field
    assert await switch.blocks() == before


def check_problem(status: int, headers: Any, raw: bytes, code: str) -> None:
    body = msgspec.json.decode(raw)
    assert body["code"] == code, raw
    assert status == body["status"] == PROBLEMS[code].status < 500
    assert headers["Content-Type"] == "application/problem+json"
    assert body["money_moved"] == ("unknown" if code == "key_not_seen" else "no")
    assert body["detail"] != body["title"]
    assert set(body) >= {"type", "title", "status", "detail", "code", "retryable", "money_moved"}
    assert ("WWW-Authenticate" in headers) == (status == 401)
    assert ("Allow" in headers) == (status == 405)


# What an HTTP library would not send.


async def raw(switch: RunningSwitch, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, the last part left open; the answer until the server closes or the body is whole."""
    reader, writer = await asyncio.open_connection(*switch.front_door.address)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(60):
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:] if line)
            body = await reader.readexactly(int(headers["Content-Length"]))
        return int(lines[0].split()[1]), headers, body
    finally:
        writer.close()


def head(switch: RunningSwitch, length: str) -> bytes:
    return (
        f"POST /v1/transfers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {switch.key}\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: k\r\n{length}\r\n\r\n"
    ).encode()


async def test_a_body_of_100_mb_is_refused_unread(switch: RunningSwitch, world: World) -> None:
    before = await switch.blocks()
    answer = await raw(switch, head(switch, "Content-Length: 104857600"))
    check_problem(*answer, code="payload_too_large")
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    answer = await raw(switch, head(switch, "Transfer-Encoding: chunked"), *[chunk] * 20)
    check_problem(*answer, code="payload_too_large")
    assert await switch.blocks() == before


async def test_broken_http_gets_a_problem(switch: RunningSwitch, world: World, subtests: pytest.Subtests) -> None:
    for name, data in {
        "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "two lengths": head(switch, "Content-Length: 1\r\nContent-Length: 2"),
        "length and chunks": head(switch, "Content-Length: 1\r\nTransfer-Encoding: chunked"),
        "negative length": head(switch, "Content-Length: -1"),
        "long header": head(switch, "X: " + "x" * 100_000),
        "long path": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    }.items():
        with subtests.test(name):
            check_problem(*await raw(switch, data), code="malformed_request")
    with subtests.test("broken chunk"):
        answer = await raw(switch, head(switch, "Transfer-Encoding: chunked") + b"zz\r\nxx\r\n")
        check_problem(*answer, code="malformed_request")


async def test_slow_clients_are_sent_away(switch: RunningSwitch, world: World) -> None:
    before = await switch.blocks()
    limits = Limits(body_timeout_s=TIMEOUT_S, idle_timeout_s=TIMEOUT_S, linger_s=TIMEOUT_S)
    async with running_front_door(switch, limits) as strict:
        answer = await raw(strict, head(strict, "Content-Length: 200") + b'{"payer": ')
        check_problem(*answer, code="request_timeout")
        reader, writer = await asyncio.open_connection(*strict.front_door.address)
        writer.write(b"POST /v1/transfers HTTP/1.1\r\nHost: x\r\n")
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()
    assert await switch.blocks() == before
