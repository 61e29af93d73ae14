"""The page of the journal's format has every field at its offset, every kind, flag and code by its number."""

import pytest

from actors.records import layout
from actors.records.blocks import VERSION, Header
from actors.records.codes import OUTCOMES, Code
from actors.records.header import HEADER_BYTES
from actors.records.layout import BLOCK_RECORDS_MAX, RECORD, Kind
from switch.reference import journal_format
from switch.reference.journal_format import document, flags

PAGE = document()


def test_every_field_stands_at_its_offset_with_its_type() -> None:
    assert RECORD.fields is not None
    for name, (kind, offset, *_) in RECORD.fields.items():
        assert f"| {offset} | `{name}` | {kind.name} | " in PAGE


def test_sizes_and_versions_are_those_of_the_code() -> None:
    assert f"up to {BLOCK_RECORDS_MAX} records of {RECORD.itemsize} bytes" in PAGE
    assert f"{HEADER_BYTES} bytes." in PAGE and f"Format of the block, now {VERSION}." in PAGE
    for name in Header._fields:
        assert f"| `{name}` | " in PAGE


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_every_kind_has_a_text_under_its_number(kind: Kind) -> None:
    assert f"| {int(kind)} | {kind.name} | " in PAGE and journal_format._KIND_TEXTS[kind].endswith(".")


def test_every_code_and_flag_has_its_number() -> None:
    for code in Code:
        assert f"| {int(code)} | {code.name.lower()} | {OUTCOMES[code].title} |" in PAGE
    numbers = [getattr(layout, name) for name in flags()]
    assert numbers == sorted(set(numbers)) and set(flags()) == set(journal_format._FLAG_TEXTS)


def test_a_field_without_a_text_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = dict(journal_format._RECORD_TEXTS)
    del texts["amount"]
    monkeypatch.setattr(journal_format, "_RECORD_TEXTS", texts)
    with pytest.raises(AssertionError, match="every field has its text"):
        document()
