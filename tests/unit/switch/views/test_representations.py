"""Results and records as JSON: what is unset is left out, what a key replays says so, and refusals say only what is known."""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from actors.records.codes import Code
from actors.records.layout import FIELDS, FLAG_FALLBACK, FLAG_SCORED, WalletStatus
from actors.records.secret import Secret
from actors.stores.rule_packs import PackNames
from actors.stores.wallet_profiles import Profile
from rules.decisions.decision import Action
from rules.vocabulary.encodings import WalletKind
from switch.gateway.encode import HOLD_SECONDS
from switch.gateway.write_queue import Result
from switch.http.schema import Context, Transfer
from switch.http.times import time_text
from switch.views.representations import (
    Balance,
    decision_of,
    posted_answer,
    recorded_response,
    refusal,
    too_low,
    wallet_answer,
)

SECRET = Secret.of(bytes(range(16)))
NOON = 1_795_521_600_000
NAMES = {4: PackNames("own@2", (), ("BIG", "NEW", "LATE"))}
ID = "0000AAAA-0f18-86a7-a655-811d7f69def9"


def result(code: Code = Code.OK, **fields: int) -> Result:
    zeros = dict.fromkeys(Result._fields, 0) | {"code": int(code), "record_time": NOON, "effective_time": NOON}
    return Result(**(zeros | fields))


def payment(**fields: Any) -> Transfer:
    return Transfer(payer=ID, payee=ID, amount=5, currency="EUR", **fields)


def test_a_decision_has_the_reasons_of_its_mask_and_none_when_nothing_was_scored() -> None:
    assert decision_of(NAMES, 0, int(Action.DECLINE), 50, 7, 4) is None
    shown = decision_of(NAMES, FLAG_SCORED, int(Action.DECLINE), 50, 0b101, 4)
    assert shown is not None
    assert (shown.action, shown.points, shown.reasons, shown.pack, shown.fallback) == (
        "decline", 50, ("BIG", "LATE"), "own@2", UNSET,
    )  # fmt: skip
    fallback = decision_of({}, FLAG_SCORED | FLAG_FALLBACK, 99, 0, 1, 4)
    assert fallback is not None, "a pack that nobody can name is shown by its number"
    assert (fallback.action, fallback.pack, fallback.reasons, fallback.fallback) == ("99", "4", (), True)


@pytest.mark.parametrize(
    ("code", "hold", "status", "expires"),
    [
        (Code.OK, UNSET, "posted", None),
        (Code.OK, False, "posted", None),
        (Code.OK, True, "held", HOLD_SECONDS),
        (Code.IN_REVIEW, UNSET, "in_review", None),
        (Code.IN_REVIEW, True, "in_review", HOLD_SECONDS),
    ],
)
def test_a_payment_is_posted_held_or_in_review(code: Code, hold: Any, status: str, expires: int | None) -> None:
    shown = posted_answer(SECRET, NAMES, payment(hold=hold), result(code))
    assert (shown.status, shown.type) == (status, "hold" if hold is True else "transfer")
    assert shown.expires_at == (UNSET if expires is None else time_text(NOON + expires * 1_000))
    assert (shown.payer, shown.kind, shown.replayed) == (ID.lower(), "transfer", False)


def test_what_was_not_given_is_not_shown_and_an_effective_time_is() -> None:
    shown = posted_answer(SECRET, NAMES, payment(metadata={}, context=Context()), result())
    assert shown.context is shown.metadata is shown.reference is UNSET and shown.effective_at == shown.created_at
    past = posted_answer(
        SECRET, NAMES, payment(context=Context(country="FI")), result(effective_time=NOON - 5, replayed=1)
    )
    assert past.effective_at == time_text(NOON - 5) and past.created_at == time_text(NOON) and past.replayed is True
    assert past.context is not UNSET and past.context.country == "FI"


def test_a_recorded_decline_carries_its_transfer_and_its_decision() -> None:
    declined = result(Code.INSUFFICIENT_FUNDS, address=77, flags=FLAG_SCORED, pack=4, replayed=1)
    problem = refusal(SECRET, declined, NAMES, too_low(ID, 5, "EUR"))
    assert (
        problem.code == "insufficient_funds"
        and problem.detail == f"5 EUR (minor units) is more than the wallet {ID} can pay."
    )
    assert problem.transfer_id is not None and problem.replayed is True
    assert problem.decision is not None and problem.decision["pack"] == "own@2"


def test_a_refusal_that_was_not_recorded_names_no_transfer() -> None:
    assert refusal(SECRET, result(Code.INSUFFICIENT_FUNDS)).transfer_id is None
    missing = refusal(SECRET, result(Code.PAYER_NOT_FOUND, address=77))
    assert (missing.code, missing.transfer_id) == ("payer_not_found", None)


def test_a_mismatch_names_the_field_that_differs() -> None:
    for number, name in enumerate(FIELDS):
        assert name in (refusal(SECRET, result(Code.IDEMPOTENCY_MISMATCH, field=number)).detail or "")


class Shown(msgspec.Struct):
    id: str
    replayed: bool | msgspec.UnsetType = UNSET


def test_what_a_call_recorded_has_its_place_and_a_repeat_says_that_it_is_one() -> None:
    first = recorded_response("/v1/consents", Shown("x"), replayed=False)
    assert (first.status, first.headers["Location"], first.body) == (201, "/v1/consents/x", b'{"id":"x"}')
    assert "Idempotent-Replayed" not in first.headers
    again = recorded_response("/v1/consents", Shown("x"), replayed=True)
    assert again.headers["Idempotent-Replayed"] == "true" and again.body == b'{"id":"x","replayed":true}'
    assert "Location" not in recorded_response("/v1/consents", Shown("x"), replayed=False, status=200).headers


@pytest.mark.parametrize("kind", WalletKind)
def test_only_wallets_with_a_floor_have_something_available(kind: WalletKind) -> None:
    balance = Balance(
        currency=978, kind=int(kind), status=int(WalletStatus.OPEN), tier=2, posted=100, held=30, floor=-50, opened=NOON
    )
    shown = wallet_answer(ID, balance, Profile())
    customer = kind in (WalletKind.USER, WalletKind.MERCHANT)
    assert (shown.available, shown.floor, shown.tier) == ((120, -50, 2) if customer else (None, None, None))
    assert (shown.kind, shown.currency, shown.decimals) == (kind.name.lower(), "EUR", 2)
    assert bytes(shown.attributes) == bytes(shown.metadata) == b"{}"
