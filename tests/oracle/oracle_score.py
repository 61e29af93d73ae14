"""What the built-in pack decides, written once more from its description: plain dicts in, a plain dict out.

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


def combine(
    rules: list[tuple[str, str, bool]],
    card: list[tuple[str, str, list[int], list[int], int]],
    decline_below: int,
    columns: dict[str, int | None],
) -> dict[str, object]:
    """Decision of rules (action, reason, fired) and a card: the strictest action that fired, unless the card's points are stricter."""
    points = card_points(card, columns)
    strict = {"approve": 0, "review": 1, "decline": 2}
    fired = [(strict[action], reason) for action, reason, fires in rules if fires]
    verdict = max((level for level, _ in fired), default=0)
    reasons: list[str] = []
    if verdict > 0:
        reasons = [reason for level, reason in fired if level == verdict][:REASONS_MAX]
    if verdict < 2 and sum(points) < decline_below:
        verdict = 2
        short = [max([*item[3], item[4]]) - got for item, got in zip(card, points, strict=True)]
        order = sorted((i for i in range(len(short)) if short[i] > 0), key=lambda i: (-short[i], i))
        reasons = [card[i][1] for i in order[:REASONS_MAX]]
    return {"action": verdict, "points": sum(points), "reasons": set(reasons)}


def decide(columns: dict[str, int | None]) -> dict[str, object]:
    """The built-in pack's decision."""
    amount, available = columns["amount"], columns["payer_available"]
    count, total = columns["count_1h"], columns["sum_1h"]
    assert amount is not None
    drains = available is not None and amount >= 1_000_000 and amount >= available - available // 20
    burst = count is not None and total is not None and count >= 40 and total >= 5_000_000
    rules = [
        ("decline", "DRAINS_TO_NEW_PAYEE", drains and columns["payee_seen"] == 0),
        ("decline", "BURST_1H", burst),
    ]
    return combine(rules, CARD, DECLINE_BELOW, columns)
