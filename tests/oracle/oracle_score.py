"""What the small pack of the tests decides, written once more from its description: plain dicts in, a plain dict out.

Columns come by name; None stands for what is not known. Shares nothing with the code under test.
"""

from bisect import bisect_right

CARD: list[tuple[str, str, list[int], list[int], int]] = [
    ("amount", "HIGH_AMOUNT", [100_000, 1_000_000, 10_000_000], [120, 100, 70, 40], 40),
    ("payees_24h", "MANY_PAYEES", [5, 20, 40], [120, 100, 60, 10], 120),
    ("payer_age_days", "NEW_WALLET", [1, 30], [60, 90, 120], 120),
    ("payee_seen", "NEW_PAYEE", [1], [80, 120], 120),
]
DECLINE_BELOW = 200
REASONS_MAX = 4


def points_of(edges: list[int], points: list[int], missing: int, value: int | None) -> int:
    """Points of one value: bin 0 below the first edge, each edge belongs to the bin above it."""
    return missing if value is None else points[bisect_right(edges, value)]


def card_points(card: list[tuple[str, str, list[int], list[int], int]], columns: dict[str, int | None]) -> list[int]:
    """Points by characteristic."""
    return [points_of(edges, points, missing, columns[name]) for name, _, edges, points, missing in card]


Rule = tuple[str, str, bool, int]
"""Action, reason (empty: none), whether it fired, points."""


def combine(
    rules: list[Rule],
    card: list[tuple[str, str, list[int], list[int], int]],
    below: tuple[int | None, int | None],
    columns: dict[str, int | None],
) -> dict[str, object]:
    """Decision of live rules and a card: the strictest action that fired, unless the points are stricter. `below`: review, decline."""
    levels = {"approve": 0, "review": 1, "decline": 2}
    fired = [(levels[action], reason, points) for action, reason, fires, points in rules if fires]
    got = card_points(card, columns)
    total = sum(got) + sum(points for _, _, points in fired)
    by_rules = max((level for level, _, _ in fired), default=0)
    review_below, decline_below = below
    by_points = 0
    if review_below is not None and total < review_below:
        by_points = 1
    if decline_below is not None and total < decline_below:
        by_points = 2
    reasons: list[str] = []
    if by_points > by_rules:
        cost = [(-points, reason) for _, reason, points in fired if reason]
        cost += [(max([*item[3], item[4]]) - points, item[1]) for item, points in zip(card, got, strict=True)]
        reasons = [reason for lost, reason in sorted(cost, key=lambda each: -each[0]) if lost > 0]
    elif by_rules:
        reasons = [reason for level, reason, _ in fired if level == by_rules and reason]
    distinct = list(dict.fromkeys(reasons))[:REASONS_MAX]
    return {"action": max(by_rules, by_points), "points": total, "reasons": set(distinct)}


def decide(columns: dict[str, int | None]) -> dict[str, object]:
    """The small pack's decision."""
    amount, available = columns["amount"], columns["payer_available"]
    count, total = columns["count_1h"], columns["sum_1h"]
    assert amount is not None
    drains = available is not None and amount >= 1_000_000 and amount >= available - available // 20
    burst = count is not None and total is not None and count >= 40 and total >= 5_000_000
    rules: list[Rule] = [
        ("decline", "DRAINS_TO_NEW_PAYEE", drains and columns["payee_seen"] == 0, 0),
        ("decline", "BURST_1H", burst, 0),
    ]
    return combine(rules, CARD, (None, DECLINE_BELOW), columns)
