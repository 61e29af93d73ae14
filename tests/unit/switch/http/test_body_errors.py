"""What is wrong with a body is said in plain words, with the path of the field, and never more of it than is safe to give back."""

import msgspec
import pytest

from switch.http.body_errors import (
    MESSAGE_CHARACTERS_MAX,
    explained,
    no_json,
    short,
    without_nulls,
    wrong_field,
)
from switch.http.schema import Transfer
from switch.problems.table import ProblemError

GOOD = {"payer": "p" * 36, "payee": "q" * 36, "amount": 5, "currency": "EUR"}


def field_of(problem: ProblemError) -> tuple[str, str]:
    (error,) = problem.errors
    return error.field, error.message


@pytest.mark.parametrize(
    ("body", "stated"),
    [
        (b'{"a": "\xff"}', "byte 0xff at position 7"),
        (b'{"a": "\\ud800"}', "half a surrogate pair, \\ud800, at position 7"),
        (b'{"a": "\\udc00"}', "half a surrogate pair, \\udc00, at position 7"),
        (b'{"a": "\\ud83d\\ude00"', "is not JSON: cut off."),
        (b" \n", "The body is empty."),
    ],
)
def test_bytes_that_are_no_json_are_named_with_their_position(body: bytes, stated: str) -> None:
    assert stated in no_json(body, "cut off")


@pytest.mark.parametrize(
    ("changes", "field", "stated"),
    [
        ({"amount": "5"}, "amount", 'expected a whole number, got "5"'),
        ({"amount": 0}, "amount", "expected at least 1, got 0"),
        ({"amout": 5}, "amout", "amount is near"),
        ({"context": {"country": "Germany"}}, "context", ""),
        ({"metadata": {"k": 7}}, "metadata", "expected a text, got 7"),
    ],
)
def test_a_field_is_named_with_what_stands_there_and_what_is_possible(
    changes: dict[str, object], field: str, stated: str
) -> None:
    value = {**GOOD, **changes}
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, Transfer)
    path, message = field_of(explained(str(caught.value), value, Transfer, "transfers[3]"))
    assert path.startswith(f"transfers[3].{field}")
    assert stated in message


def test_a_required_field_is_named_where_nothing_stands() -> None:
    value = {name: each for name, each in GOOD.items() if name != "payee"}
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, Transfer)
    assert field_of(explained(str(caught.value), value, Transfer, "")) == ("payee", "the field is required")
    assert field_of(wrong_field(str(caught.value), "transfers[0]"))[0].startswith("transfers[0]")


def test_null_is_as_if_absent_only_where_a_field_may_be_left_out_and_has_no_use_for_it() -> None:
    assert without_nulls({**GOOD, "reference": None, "strange": None, "payer": None}, Transfer) == {
        **GOOD,
        "strange": None,
        "payer": None,
    }
    assert without_nulls([None], Transfer) == [None]


def test_text_from_outside_is_cut() -> None:
    assert short("x" * 10_000) == "x" * MESSAGE_CHARACTERS_MAX + "..."
    value = {**GOOD, "amount": "9" * 10_000}
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, Transfer)
    assert len(field_of(explained(str(caught.value), value, Transfer, ""))[1]) < 2 * MESSAGE_CHARACTERS_MAX
