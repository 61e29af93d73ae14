"""What a scorecard document means, written once more from docs/reference/scorecards.md: plain dicts in, a plain dict out.

Shares nothing with the code under test.
"""

from typing import Any

INFINITE = float("inf")


def bin_points(item: dict[str, Any], value: Any) -> tuple[int, bool]:
    """Points of one value, and whether the card does not know it. Raises LookupError where that is an error."""
    if value is None or value != value:
        return item["missing"], False
    if "categories" in item:
        for group, points in zip(item["categories"], item["points"], strict=True):
            if value in group:
                return points, False
        if item["unknown"] == "error":
            raise LookupError(item["feature"])
        return item["unknown"], True
    product = value * item.get("scale", 1)
    scaled = product if product in (INFINITE, -INFINITE) else round(product)
    return item["points"][sum(scaled >= edge for edge in item["edges"])], False


def best_of(item: dict[str, Any]) -> int:
    """The most points anybody can get."""
    unknown = item.get("unknown")
    points: list[int] = [*item["points"], item["missing"], *([unknown] if isinstance(unknown, int) else [])]
    return max(points)


def score(card: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Score, shortfall, reasons with gaps, rest, subtotals, unknown features."""
    total = card.get("base", 0)
    gaps: dict[str, int] = {}
    subtotals: dict[str, int] = {}
    unknown: list[str] = []
    for item in card["characteristics"]:
        points, unseen = bin_points(item, record[item["feature"]])
        if unseen and item["feature"] not in unknown:
            unknown.append(item["feature"])
        total += points
        gaps[item["reason"]] = gaps.get(item["reason"], 0) + best_of(item) - points
        if "dimension" in item:
            subtotals[item["dimension"]] = subtotals.get(item["dimension"], 0) + points
    order = list(gaps)
    named = sorted((code for code in order if gaps[code] > 0), key=lambda code: (-gaps[code], order.index(code)))[:4]
    shortfall = sum(gaps.values())
    return {
        "score": total,
        "shortfall": shortfall,
        "reasons": [{"code": code, "gap": gaps[code]} for code in named],
        "rest": shortfall - sum(gaps[code] for code in named),
        "subtotals": subtotals,
        "unknown": unknown,
    }
