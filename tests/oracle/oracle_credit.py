"""What a wallet's score means, written once more from docs/credit.md: plain dicts in, a plain dict out.

Shares nothing with the code under test.
"""

from typing import Any

from tests.oracle import oracle_card

BANDS = [(700, "excellent"), (650, "very_good"), (600, "good"), (550, "fair"), (350, "poor")]
NOTHING: dict[str, Any] = {"score": None, "band": None, "shortfall": 0, "subtotals": {}, "reasons": [], "rest": {}}


def enough(record: dict[str, Any], name: str, least: int) -> bool:
    """Whether this much is known; what is missing counts as 0."""
    value = record[name]
    return (0 if value is None or value != value else int(value)) >= least


def wallet_score(card: dict[str, Any], record: dict[str, Any], days: int = 90, payments: int = 10) -> dict[str, Any]:
    """Score, band, cause, shortfall, subtotals, reasons, rest by dimension."""
    if not enough(record, "wallet_age_days", days):
        return {**NOTHING, "cause": "few_days"}
    if not enough(record, "payments_360d", payments):
        return {**NOTHING, "cause": "few_payments"}
    found = oracle_card.score(card, record)
    named = {reason["code"] for reason in found["reasons"]}
    rest: dict[str, int] = {}
    for item in card["characteristics"]:
        if item["reason"] not in named:
            gap = oracle_card.best_of(item) - oracle_card.bin_points(item, record[item["feature"]])[0]
            rest[item["dimension"]] = rest.get(item["dimension"], 0) + gap
    return {
        "score": found["score"],
        "band": next(name for low, name in BANDS if found["score"] >= low),
        "cause": None,
        "shortfall": 950 - found["score"],
        "subtotals": found["subtotals"],
        "reasons": found["reasons"],
        "rest": {name: points for name, points in rest.items() if points},
    }
