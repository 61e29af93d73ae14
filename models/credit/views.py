"""The tables over an export's files that the catalogue's queries read.

An analyst pastes them into DuckDB, sets three variables and runs any entry's query: `lake`, the files; `as_of`, milliseconds since
1970; and `negative_days`, for how many days it counts that an order was overdue.
"""

from pathlib import Path
from typing import Any, Final

from models.credit.feature import CALENDAR_DAYS, DAY_MS, MONTH_MS, NEGATIVE_DAYS, RATIO_MAX, WHOLE

MACROS: Final = f"""
CREATE OR REPLACE MACRO share(part, whole) AS
    (CASE WHEN whole > 0 AND part IS NOT NULL THEN least(part::HUGEINT * {WHOLE} // nullif(whole, 0)::HUGEINT, {RATIO_MAX})::BIGINT END);
CREATE OR REPLACE MACRO outside(id) AS starts_with(id::VARCHAR, '00000');
"""
"""`share`: basis points, at most a hundredfold, null of nothing and of what is not known. `outside`: whether the id is that of a wallet of
the operator, through which money comes from and goes to other systems: the first 20 bits are 0."""

VIEWS: Final[dict[str, str]] = {
    "entries": f"""
SELECT *, epoch_ms(effective_time) AS t, epoch_ms(effective_time) // {DAY_MS} AS day,
    (getvariable('as_of') - epoch_ms(effective_time)) // {MONTH_MS} AS month,
    getvariable('as_of') // {DAY_MS} - epoch_ms(effective_time) // {DAY_MS} AS days_ago
FROM read_parquet(getvariable('lake'), hive_partitioning = false) WHERE epoch_ms(effective_time) <= getvariable('as_of')
""",
    "wallets": """
SELECT wallet, address, wallet_kind, currency, tier, t, day FROM entries
WHERE record = 'wallet_opened' AND wallet_kind IN ('user', 'merchant')
""",
    "flows": """
WITH moved AS (SELECT * FROM entries WHERE record IN ('transfer', 'capture', 'refund') AND code = 'ok'), sides AS (
    SELECT payer AS wallet, payee AS other, true AS paid, record = 'refund' AS refund, * EXCLUDE (wallet) FROM moved
    UNION ALL
    SELECT payee, payer, false, record = 'refund', * EXCLUDE (wallet) FROM moved WHERE NOT remote
    UNION ALL
    SELECT payee, payer, false, movement = 'refund', * EXCLUDE (wallet) FROM entries WHERE record = 'leg' AND NOT suspense
)
SELECT wallet, other, paid, refund, amount, kind, address, t, day, month, days_ago FROM sides
WHERE wallet IN (SELECT wallet FROM wallets)
""",
    "attempts": """
SELECT payer AS wallet, amount, code, review, channel, country, device, t, day, month FROM entries
WHERE record IN ('transfer', 'hold') AND month < 6 AND payer IN (SELECT wallet FROM wallets)
""",
    "balances": f"""
WITH changes AS (
    SELECT wallet, address, day, CASE WHEN paid THEN -amount ELSE amount END AS change FROM flows
    UNION ALL SELECT wallet, address, day, 0 FROM wallets
), levels AS (
    SELECT wallet, address, sum(change) OVER so_far AS balance, max(day) OVER so_far AS since FROM changes
    WINDOW so_far AS (PARTITION BY wallet ORDER BY address ROWS UNBOUNDED PRECEDING)
), spans AS (
    SELECT *, getvariable('as_of') // {DAY_MS} AS this_day,
        lead(since, 1, getvariable('as_of') // {DAY_MS}) OVER (PARTITION BY wallet ORDER BY address) AS until FROM levels
)
SELECT wallet, address, balance, greatest(0, least(until, this_day) - greatest(since, this_day - {CALENDAR_DAYS})) AS nights FROM spans
""",
    "pairs": """
SELECT wallet, other, count(*) FILTER (paid) AS payments, count(*) FILTER (NOT paid) AS credits,
    coalesce(sum(amount) FILTER (paid), 0) AS amount_paid, sum(amount) AS amount
FROM flows WHERE NOT refund AND NOT outside(other) AND month < 6 GROUP BY ALL
""",
    "merchants": """
SELECT * FROM pairs WHERE payments > 0 AND other IN (
    SELECT wallet FROM entries WHERE record IN ('wallet_opened', 'profile') AND wallet_kind = 'merchant')
""",
    "months": """
SELECT wallet, month, count(*) FILTER (paid) AS payments, coalesce(sum(amount) FILTER (paid), 0) AS paid,
    count(*) FILTER (NOT paid) AS credits, coalesce(sum(amount) FILTER (NOT paid), 0) AS income
FROM flows WHERE NOT refund AND month < 12 GROUP BY ALL
""",
    "cleared": """
WITH ended AS (
    SELECT opened.payer AS wallet, opened.reference AS entry, resolved.resolution FROM entries AS opened
    JOIN entries AS resolved ON resolved.record = 'dispute_resolved' AND resolved.reference = opened.address
    WHERE opened.record = 'dispute_opened' AND resolved.resolution IN ('deleted', 'corrected')
        AND opened.address NOT IN (SELECT reference FROM entries WHERE record = 'dispute_reinserted' AND reference IS NOT NULL)
)
SELECT ended.wallet, coalesce(step.reference, ended.entry) AS id, bool_or(ended.resolution = 'deleted') AS deleted FROM ended
LEFT JOIN entries AS step ON step.address = ended.entry AND step.record IN ('order_overdue', 'order_defaulted') GROUP BY ALL
""",
    "orders": f"""
WITH each_order AS (
    SELECT payer AS wallet, reference AS id, max(amount) FILTER (record = 'order_completed') AS amount,
        min(t) FILTER (record = 'order_overdue') AS overdue_at, min(t) FILTER (record = 'order_defaulted') AS defaulted_at,
        min(t) FILTER (record IN ('order_paid', 'order_cured', 'order_paid_elsewhere')) AS paid_at,
        bool_or(record = 'order_written_off') AS written_off
    FROM entries WHERE starts_with(record, 'order_') AND record <> 'order_created' AND payer IN (SELECT wallet FROM wallets) GROUP BY ALL
), told AS (
    SELECT wallet, id, amount, paid_at, written_off, CASE WHEN deleted IS NULL THEN overdue_at END AS overdue_at,
        CASE WHEN deleted IS NULL THEN defaulted_at END AS defaulted_at
    FROM each_order LEFT JOIN cleared USING (wallet, id) WHERE NOT coalesce(deleted, false)
)
SELECT * EXCLUDE (written_off), CASE WHEN overdue_at IS NULL THEN 0
    ELSE (coalesce(paid_at, getvariable('as_of')) - overdue_at) // {DAY_MS} + 1 END AS days_late
FROM told WHERE NOT written_off AND amount IS NOT NULL AND (paid_at IS NOT NULL OR overdue_at IS NOT NULL)
    AND (overdue_at IS NULL OR overdue_at >= getvariable('as_of') - getvariable('negative_days') * {DAY_MS})
""",
    "scores": """
WITH said AS (
    SELECT payer, address, record, score, reference, resolution FROM read_parquet(getvariable('lake'), hive_partitioning = false)
    WHERE record IN ('score', 'dispute_opened', 'dispute_resolved', 'data_erased') AND epoch_ms(record_time) <= getvariable('as_of')
), deleted AS (
    SELECT ended.payer, ended.address FROM said AS ended
    JOIN said AS opened ON opened.record = 'dispute_opened' AND opened.address = ended.reference
    JOIN said AS before ON before.record = 'score' AND before.payer = ended.payer AND before.address < ended.address
    WHERE ended.record = 'dispute_resolved' AND ended.resolution = 'deleted'
    GROUP BY ended.payer, ended.address, opened.reference HAVING max(before.address) = opened.reference
), levels AS (
    SELECT payer, address, CASE WHEN record = 'score' THEN coalesce(score, 0) ELSE 0 END AS score
    FROM said WHERE record IN ('score', 'data_erased')
    UNION ALL SELECT payer, address, 0 FROM deleted
)
SELECT payer AS other, arg_max(score, address) AS score FROM levels GROUP BY payer HAVING arg_max(score, address) > 0
""",
}
"""`entries`: what was effective at `as_of` or before. `wallets`: those that get features. `flows`: what each wallet paid and received,
refunds too. `attempts`: payments asked for in 180 days, declined ones too. `balances`: after each change, and how many of the last 90
nights it stood. `pairs`: wallets and whom they paid or were paid by in 180 days, operators left out. `merchants`: those pairs in which
a merchant was paid. `months`: by wallet and month, 0 = the newest. `cleared`: orders of which an entry was deleted or
corrected after a dispute, and not reinserted. `orders`: service orders that were paid or became overdue; those that were written off, of
which an entry was deleted, or that were overdue too long ago, are none, and those that were corrected were never overdue.
`scores`: the last that was published at `as_of` or before, of whatever time it is; none of a wallet whose last one a dispute has deleted
since, or whose personal data were erased since."""


def as_table(sql: str, unknown: int | None) -> str:
    """A query that gives (wallet, value) of every wallet, from an entry's."""
    value = "value" if unknown is None else f"coalesce(value, {unknown})"
    return f"SELECT wallet, {value} AS value FROM wallets LEFT JOIN ({sql}) USING (wallet) ORDER BY address"


def prepare(connection: Any, lake: Path, as_of: int, negative_days: int = NEGATIVE_DAYS) -> None:
    """Make the macros and tables on a DuckDB connection."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET VARIABLE lake = $1", [str(lake / "**/*.parquet")])
    connection.execute("SET VARIABLE as_of = $1::BIGINT", [as_of])
    connection.execute("SET VARIABLE negative_days = $1::BIGINT", [negative_days])
    connection.execute(MACROS)
    for name, sql in VIEWS.items():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")
