"""A preview is of the newest so many payments, as many as a backtest takes, or of all."""

import msgspec
import pytest

from switch.console.previews import OF_PAYMENTS, USUAL, asked_of, chosen
from switch.http.schema import PackBacktest


@pytest.mark.parametrize("choice", OF_PAYMENTS)
def test_each_choice_is_one_that_a_backtest_takes(choice: str) -> None:
    asked = msgspec.convert(asked_of(chosen(choice)), PackBacktest)
    assert asked.last == (msgspec.UNSET if choice == "all" else int(choice))


@pytest.mark.parametrize("text", ["", "2", "x", "7"])
def test_what_is_no_choice_is_the_usual_one(text: str) -> None:
    assert chosen(text) == USUAL and asked_of(USUAL) == {"last": 10_000}
