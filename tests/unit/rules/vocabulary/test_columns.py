"""The order of columns is a law: decisions recorded before depend on it."""

from rules.vocabulary.catalogue import INPUTS
from rules.vocabulary.columns import COLUMN_COUNT, COLUMNS, FIRST_WINDOW_COLUMN, INDEX, WINDOWS_MS
from tests.oracle.oracle_windows import WIDTHS

NAMES = (
    "amount label channel country device hour payer_age_days payer_tier payer_available payer_score payer_day_total "
    "payee_kind payee_age_days payee_tier payee_seen count_1h sum_1h max_1h payees_1h count_24h sum_24h max_24h payees_24h "
    "count_7d sum_7d max_7d payees_7d saturated currency hold weekday effective_time payer payee payer_kind payer_credits "
    "payer_debits payer_credited payer_credited_ago_s"
)


def test_columns_keep_their_places() -> None:
    assert " ".join(COLUMNS) == NAMES
    assert [INDEX[name] for name in COLUMNS] == list(range(COLUMN_COUNT))
    assert COLUMNS[FIRST_WINDOW_COLUMN] == "count_1h"


def test_windows_are_an_hour_a_day_and_a_week() -> None:
    assert list(WIDTHS.values()) == list(WINDOWS_MS)


def test_every_column_has_its_place_in_the_catalogue() -> None:
    named = {item.column for item in INPUTS.values()} | {"saturated"}
    assert named == set(COLUMNS)
