"""What looks wrong in a table is one line, and a table like any other has none."""

import numpy as np
import pyarrow as pa

from models.training.train import (
    prepare,
)
from tests.unit.models.training.sample import BAD, ROWS, settings, stated, table

RNG = np.random.default_rng(12)


def test_a_column_that_gives_the_outcome_away_is_called_a_leak_and_how_to_leave_it_out() -> None:
    data = prepare(table(recoveries=np.where(BAD == 1, np.arange(ROWS), 0)), settings())
    assert "recoveries: looks like leakage" in stated(data) and "--exclude recoveries" in stated(data)
    assert "leak" not in stated(prepare(table(), settings()))


def test_rows_that_stand_twice_and_an_order_that_is_not_time_are_told() -> None:
    plain = table(z=RNG.normal(size=ROWS))
    assert stated(prepare(plain, settings())) == ""
    doubled = pa.concat_tables([plain, plain.slice(0, 60)])
    assert "60 of 1,260 rows stand in the file before" in stated(prepare(doubled, settings()))
    assert "rows are in the order of bad, not of time" in stated(prepare(plain.sort_by("bad"), settings()))
    assert "rows are in the order of z: if that is not time" in stated(prepare(plain.sort_by("z"), settings()))
    days = pa.array(RNG.integers(0, 400, ROWS).astype("datetime64[D]"))
    assert "rows are not in the order of day" in stated(prepare(plain.append_column("day", days), settings()))


def test_many_categories_are_told_and_left_out_on_request() -> None:
    names = [f"n{at}" for at in RNG.integers(0, 300, ROWS)]
    assert "categories; --max-categories" in stated(prepare(table(g=names), settings()))
    few = prepare(table(g=names), settings(max_categories=50))
    assert [each.why for each in few.left_out] == [f"{len(set(names))} categories; more than 50"]
    assert "g: left out" in stated(few)
