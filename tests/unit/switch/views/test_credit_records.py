"""What is kept beside a credit record, and which of it is a person's."""

import msgspec
import pytest

from actors.records.blocks import Erased
from switch.views.credit_records import CreditDetails, Item, credit_details, has_text


@pytest.mark.parametrize(
    "details",
    [
        CreditDetails(number="A1", introduction="Room 12", items=[Item("bed", 100)], discounts=[Item("late", -5)]),
        CreditDetails(features=[1, 2.5, "red", None]),
        CreditDetails(text="It was paid.", statement="Mine."),
        CreditDetails(version=3),
        CreditDetails(erased=[Erased(7, bytes(16))]),
    ],
    ids=lambda details: ",".join(name for name in details.__struct_fields__ if getattr(details, name)),
)
def test_details_come_back_as_they_were_kept_and_name_only_what_there_is(details: CreditDetails) -> None:
    kept = credit_details(details)
    assert kept is not None and msgspec.msgpack.decode(kept, type=CreditDetails) == details
    there = {name for name in details.__struct_fields__ if getattr(details, name)}
    assert set(msgspec.msgpack.decode(kept)) == there


def test_nothing_takes_no_room() -> None:
    assert credit_details(CreditDetails()) is None


@pytest.mark.parametrize(
    ("details", "text"),
    [
        (CreditDetails(), False),
        (CreditDetails(version=2), False),
        (CreditDetails(erased=[Erased(7, bytes(16))]), False),
        (CreditDetails(version=2, text="x"), True),
        (CreditDetails(number="A1"), True),
        (CreditDetails(statement="x"), True),
        (CreditDetails(items=[Item("bed", 1)]), True),
        (CreditDetails(features=[None]), True),
    ],
    ids=str,
)
def test_a_scenarios_version_and_what_was_erased_are_nobodys_text(details: CreditDetails, text: bool) -> None:
    assert has_text(details) is text
