"""Types as words: what a field takes, within which bounds, and which further types it names, each once."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, Raw, UnsetType

from switch.http.schema import TRANSFERS_MAX, KeyedTransfer, TransferBatch
from switch.reference.schema import fields, link, named_in, reachable, title, words


class Inner(msgspec.Struct):
    number: int


class Outer(msgspec.Struct, rename={"since": "from"}):
    inner: Inner
    since: str | UnsetType = UNSET
    more: list[Inner] = []
    again: "dict[str, Outer] | None" = None


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (str, "text"),
        (bool, "true or false"),
        (Raw, "JSON"),
        (int | None, "integer or null"),
        (str | UnsetType, "text"),
        (int | float | str, "integer or number or text"),
        (Literal["a", "b"], "`a` `b`"),
        (list[int], "list of integer"),
        (tuple[str, ...], "list of text"),
        (dict[str, int], "object"),
        (Inner, "[Inner](#inner)"),
        (Annotated[int, Meta(ge=1, le=1_000)], "integer, 1 to 1,000"),
        (Annotated[int, Meta(ge=1, lt=1_000)], "integer, 1 to 999"),
        (Annotated[int, Meta(ge=0)], "integer, at least 0"),
        (Annotated[str, Meta(min_length=36, max_length=36)], "text, 36 characters"),
        (Annotated[str, Meta(max_length=255)], "text, 0 to 255 characters"),
        (Annotated[str, Meta(pattern="x")], "text"),
        (Annotated[list[Inner], Meta(max_length=5)], "list of [Inner](#inner), 0 to 5"),
        (Annotated[dict[str, str], Meta(max_length=50)], "object, up to 50 entries"),
    ],
)
def test_a_type_is_said_in_words(annotation: Any, text: str) -> None:
    assert words(annotation) == text


def test_fields_have_the_names_that_are_sent_and_say_what_must_be_there() -> None:
    assert [(field.name, field.needed) for field in fields(Outer)] == [
        ("inner", True),
        ("from", False),
        ("more", False),
        ("again", False),
    ]


def test_types_are_found_once_in_the_order_in_which_they_are_named() -> None:
    assert reachable([Outer]) == [Outer, Inner] and reachable([Inner, Outer, Inner]) == [Inner, Outer]
    assert list(named_in(dict[str, list[Inner] | None])) == [Inner]


def test_what_is_read_row_by_row_is_described_as_its_rows() -> None:
    (transfers, linked) = fields(TransferBatch)
    assert transfers.takes == f"list of {link(KeyedTransfer)}, 1 to {TRANSFERS_MAX:,}"
    assert linked.takes == "true or false or null" and KeyedTransfer in reachable([TransferBatch])


def test_readers_have_names_of_their_own_for_some_types() -> None:
    class WalletAnswer(msgspec.Struct):
        pass

    assert (title(WalletAnswer), link(WalletAnswer)) == ("Wallet", "[Wallet](#wallet)") and title(Inner) == "Inner"
