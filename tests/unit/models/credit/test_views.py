"""The tables that an analyst queries: what counts as a flow, an attempt, a night, a pair; and what became of a score."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from actors.records.codes import Code
from actors.records.credit_layout import Resolution
from actors.records.ids import encode_wallet
from actors.records.layout import FLAG_REMOTE, FLAG_SUSPENSE, Kind
from models.credit.views import MACROS, VIEWS, as_table, prepare
from rules.vocabulary.encodings import WalletKind
from tests.feature_lake import AS_OF, OUTSIDE, SECRET, HandMadeLake


@pytest.fixture
def connection() -> Iterator[Any]:
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def ask(connection: Any, lake: HandMadeLake, folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query, wallets by their names."""
    prepare(connection, lake.written(folder), AS_OF)
    names = {encode_wallet(SECRET, address): name for name, address in lake.wallets.items()}
    names[encode_wallet(SECRET, OUTSIDE)] = "outside"
    rows = connection.execute(query).fetchall()
    return [tuple(names.get(str(value), value) for value in row) for row in rows]


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        ("1", "3", 3_333),
        ("0", "7", 0),
        ("1", "0", None),
        ("0", "0", None),
        ("NULL", "5", None),
        ("5", "NULL", None),
        ("100", "1", 1_000_000),
        ("101", "1", 1_000_000),
        ("9223372036854775807", "9223372036854775807", 10_000),
        ("2", "-1", None),
    ],
)
def test_a_share_is_in_basis_points_rounded_down_and_bounded(
    connection: Any, part: str, whole: str, expected: int | None
) -> None:
    connection.execute(MACROS)
    assert connection.execute(f"SELECT share({part}, {whole})").fetchone() == (expected,)


def test_wallets_that_get_features_are_those_of_people_and_merchants_opened_by_then(
    connection: Any, tmp_path: Path
) -> None:
    lake = HandMadeLake()
    lake.wallet("user")
    lake.wallet("shop", kind=WalletKind.MERCHANT)
    lake.wallet("fees", kind=WalletKind.FEE)
    lake.wallet("tomorrow", days=-1)
    assert ask(connection, lake, tmp_path, "SELECT wallet FROM wallets ORDER BY address") == [("user",), ("shop",)]


def test_a_flow_has_two_sides_unless_the_other_is_on_another_shard_or_gets_nothing(
    connection: Any, tmp_path: Path
) -> None:
    lake = HandMadeLake()
    a, b = lake.wallet("a"), lake.wallet("b")
    lake.pays(a, b, 1, 9)
    lake.pays(a, b, 2, 8, code=int(Code.DECLINED))
    lake.pays(a, b, 3, 7, flags=FLAG_REMOTE)
    lake.add(Kind.LEG, 6, payer=a, payee=b, amount=4, reference=1, decision=int(Kind.TRANSFER))
    lake.add(Kind.LEG, 5, payer=a, payee=b, amount=5, reference=1, decision=int(Kind.REFUND))
    lake.add(Kind.LEG, 5, payer=a, payee=b, amount=6, reference=1, decision=int(Kind.TRANSFER), flags=FLAG_SUSPENSE)
    lake.add(Kind.HOLD, 4, payer=a, payee=b, amount=7)
    lake.add(Kind.CAPTURE, 3, payer=a, payee=b, amount=8, reference=1)
    lake.pays(OUTSIDE, a, 9, 2)
    lake.pays(a, b, 10, -0.001)
    query = "SELECT wallet, paid, refund, amount, other FROM flows ORDER BY amount, paid DESC"
    assert ask(connection, lake, tmp_path, query) == [
        ("a", True, False, 1, "b"),
        ("b", False, False, 1, "a"),
        ("a", True, False, 3, "b"),
        ("b", False, False, 4, "a"),
        ("b", False, True, 5, "a"),
        ("a", True, False, 8, "b"),
        ("b", False, False, 8, "a"),
        ("a", False, False, 9, "outside"),
    ]


def test_balances_stand_for_the_midnights_until_the_next_change(connection: Any, tmp_path: Path) -> None:
    lake = HandMadeLake()
    a = lake.wallet("a", days=500)
    lake.pays(OUTSIDE, a, 10, 100, 30)
    lake.pays(a, OUTSIDE, 5, 30, 0)
    query = "SELECT balance, nights FROM balances WHERE nights > 0 ORDER BY address"
    assert ask(connection, lake, tmp_path, query) == [(10, 60), (15, 30)]
    young = HandMadeLake()
    young.wallet("young", days=3)
    (tmp_path / "young").mkdir()
    assert ask(connection, young, tmp_path / "young", query) == [(0, 3)]


def test_pairs_leave_operators_out_and_merchants_are_those_who_were_paid(connection: Any, tmp_path: Path) -> None:
    lake = HandMadeLake()
    a, shop, other = lake.wallet("a"), lake.wallet("shop", kind=WalletKind.MERCHANT), lake.wallet("other")
    lake.pays(a, shop, 5, 1)
    lake.pays(other, a, 7, 2)
    lake.pays(a, OUTSIDE, 9, 3)
    lake.pays(shop, other, 1, 181)
    query = "SELECT wallet, other, payments, credits, amount_paid, amount FROM {} WHERE wallet IN ({}) ORDER BY amount"
    mine = f"'{encode_wallet(SECRET, a)}'"
    assert ask(connection, lake, tmp_path, query.format("pairs", mine)) == [
        ("a", "shop", 1, 0, 5, 5),
        ("a", "other", 0, 1, 0, 7),
    ]
    assert ask(connection, lake, tmp_path, query.format("merchants", mine)) == [("a", "shop", 1, 0, 5, 5)]


def test_a_score_counts_until_a_dispute_deletes_it_or_the_data_are_erased(connection: Any, tmp_path: Path) -> None:
    lake = HandMadeLake()

    def score(holder: int, points: int) -> int:
        return lake.add(Kind.SCORE, 9, payer=holder, points=points)

    def deleted(holder: int, entry: int, resolution: Resolution = Resolution.DELETED) -> None:
        case = lake.add(Kind.DISPUTE_OPENED, 8, payer=holder, reference=entry)
        lake.add(Kind.DISPUTE_RESOLVED, 7, payer=holder, reference=case, decision=int(resolution))

    wallets = {name: lake.wallet(name) for name in ("new", "gone", "old gone", "kept", "erased", "again", "none")}
    score(wallets["new"], 500)
    score(wallets["new"], 600)
    deleted(wallets["gone"], score(wallets["gone"], 610))
    older = score(wallets["old gone"], 400)
    score(wallets["old gone"], 620)
    deleted(wallets["old gone"], older)
    deleted(wallets["kept"], score(wallets["kept"], 630), Resolution.KEPT)
    score(wallets["erased"], 640)
    lake.add(Kind.DATA_ERASED, 6, payer=wallets["erased"])
    deleted(wallets["again"], score(wallets["again"], 650))
    score(wallets["again"], 660)
    score(wallets["none"], 0)
    found = dict(ask(connection, lake, tmp_path, "SELECT other, score FROM scores"))
    assert found == {"new": 600, "old gone": 620, "kept": 630, "again": 660}


def test_a_query_answers_for_every_wallet_in_the_order_of_their_records(connection: Any, tmp_path: Path) -> None:
    lake = HandMadeLake()
    a, b = lake.wallet("a"), lake.wallet("b")
    lake.pays(b, a, 5, 1)
    sql = "SELECT wallet, sum(amount) AS value FROM flows WHERE paid GROUP BY wallet"
    assert ask(connection, lake, tmp_path, as_table(sql, None)) == [("a", None), ("b", 5)]
    assert ask(connection, lake, tmp_path, as_table(sql, 7)) == [("a", 7), ("b", 5)]


def test_every_table_is_made_anew_when_it_is_prepared_again(connection: Any, tmp_path: Path) -> None:
    lake = HandMadeLake()
    lake.wallet("a")
    for _ in range(2):
        prepare(connection, lake.written(tmp_path), AS_OF)
    names = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert names == set(VIEWS)
