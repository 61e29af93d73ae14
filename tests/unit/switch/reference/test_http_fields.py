"""Every field of every body and answer has a meaning, a sentence; exceptions are of types and fields that there are."""

import pytest

from switch.api.app import OPEN_ROUTES, ROUTES
from switch.problems.table import Problem
from switch.reference.http_fields import EXCEPTIONS, FIELDS, meaning
from switch.reference.schema import Struct, fields, named_in, reachable, title

ROOTS: list[Struct] = [Problem]
for _route in ROUTES:
    ROOTS += [*named_in(_route.answer), *(body for body in _route.bodies if isinstance(body, type))]
for _open in OPEN_ROUTES:
    ROOTS += named_in(_open.answer)
STRUCTS = reachable(ROOTS)
TYPES = {title(struct): [field.name for field in fields(struct)] for struct in STRUCTS}
"""Names of fields by the type's."""


def test_every_text_is_a_sentence() -> None:
    for name, text in {**FIELDS, **EXCEPTIONS}.items():
        assert text == text.strip() and text.endswith((".", "`.")), name
        assert text[0].isupper() or text[0] in "`0", name


def test_a_type_may_say_otherwise() -> None:
    assert meaning("Wallet", "kind") == EXCEPTIONS["Wallet.kind"] != meaning("Transfer", "kind") == FIELDS["kind"]
    with pytest.raises(KeyError):
        meaning("Wallet", "no such field")


def test_exceptions_are_of_fields_that_there_are() -> None:
    absent = [
        name
        for name in EXCEPTIONS
        if name.partition(".")[0] in TYPES and name.partition(".")[2] not in TYPES[name.partition(".")[0]]
    ]
    assert absent == []


def test_no_meaning_is_of_a_field_that_nothing_has() -> None:
    everything = {field.name for struct in STRUCTS for field in fields(struct)}
    assert sorted(set(FIELDS) - everything) == []
