"""With whom a wallet pays and is paid: each figure of a wallet that is added up by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.credit_features.accounts import COUNTRY, DEVICE, PAIR_COUNT, Accounts, new_accounts, with_segments
from actors.credit_features.relations import LOW_SCORE_BELOW, REPEATED_FROM, relations_of
from actors.credit_features.scores import Published, write_scores
from actors.records.addresses import wallet_address
from rules.vocabulary.encodings import WalletKind

FRIEND, SHOP, FAR_SHOP = wallet_address(7, 1), wallet_address(7, 2), wallet_address(9, 4)


def accounts(*pairs: dict[str, int]) -> Accounts:
    made = with_segments(new_accounts(), np.array([7], np.int64))
    made.rows["kind"][1], made.rows["kind"][2] = WalletKind.USER, WalletKind.MERCHANT
    for pair, fields in zip(made.pairs, pairs, strict=False):
        for name, value in fields.items():
            pair[name] = value
    made.meta[PAIR_COUNT] = len(pairs)
    return made


def relation(*pairs: dict[str, int], scores: Path | None = None) -> dict[str, Any]:
    found = relations_of(accounts(*pairs), {FAR_SHOP: int(WalletKind.MERCHANT)}, scores)
    assert not found["counterparties"][1:].any(), "all pairs are of the first wallet"
    return {name: int(found[name][0]) for name in found.dtype.names or ()}


PAID_FRIEND = {"subject": FRIEND, "paid": 300, "received": 100, "payments": 2, "credits": 1}
PAID_SHOP = {"subject": SHOP, "paid": 500, "payments": 1}
PAID_FAR_SHOP = {"subject": FAR_SHOP, "paid": 100, "payments": 1}


def test_amounts_and_counterparties_are_those_of_all_pairs() -> None:
    found = relation(PAID_FRIEND, PAID_SHOP, PAID_FAR_SHOP)
    assert (found["amount"], found["received"], found["main"]) == (1_000, 100, 500)
    assert (found["counterparties"], found["payees"], found["payers"], found["mutual"]) == (3, 3, 1, 1)
    assert found["repeated"] == 1, f"{REPEATED_FROM} payments and credits with one of them"


def test_merchants_are_known_here_or_from_what_other_shards_said() -> None:
    found = relation(PAID_FRIEND, PAID_SHOP, PAID_FAR_SHOP)
    assert (found["merchants"], found["to_merchants"], found["main_merchant"]) == (2, 600, 500)
    assert relation({**PAID_SHOP, "payments": 0, "credits": 1})["merchants"] == 0


def test_how_concentrated_it_is_is_the_sum_of_squared_shares_in_basis_points() -> None:
    assert relation(PAID_FRIEND, PAID_SHOP, PAID_FAR_SHOP)["squares"] == 4_000**2 + 5_000**2 + 1_000**2
    assert relation(PAID_SHOP)["squares"] == 10_000**2


def test_devices_and_countries_are_no_counterparties() -> None:
    found = relation(
        {"subject": DEVICE | 5, "payments": 4},
        {"subject": DEVICE | 6, "payments": 1},
        {"subject": COUNTRY | 276, "payments": 5},
        PAID_SHOP,
    )
    assert (found["devices"], found["told_device"], found["main_device"], found["countries"]) == (2, 5, 4, 1)
    assert (found["counterparties"], found["amount"]) == (1, 500)


@pytest.mark.parametrize(("scores", "low"), [((LOW_SCORE_BELOW - 1, 700), 1), ((LOW_SCORE_BELOW, 700), 0)])
def test_scores_of_counterparties_count_where_there_are_any(tmp_path: Path, scores: tuple[int, int], low: int) -> None:
    file = tmp_path / "scores"
    write_scores(file, [Published(np.array([FRIEND, SHOP]), np.array(scores, np.int16))])
    found = relation(PAID_FRIEND, PAID_SHOP, PAID_FAR_SHOP, scores=file)
    assert (found["scored"], found["low_scores"], found["scores"]) == (2, low, sum(scores))
    assert relation(PAID_FRIEND)["scored"] == 0
