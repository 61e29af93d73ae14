"""The audit names the first entry that breaks the chain, and each that journals know in another way."""

import hashlib
from typing import Any

import pytest

from actors.audit.admin_log import REPEATED_BYTES, AdminLogCheck
from actors.database.admin_rows import entry_of
from actors.records.admin_entries import NO_HASH, entry_hash, sent_digest

Row = dict[str, Any]


def log(count: int = 4) -> list[Row]:
    """Rows as they were written."""
    rows, hash_ = [], NO_HASH
    for number in range(1, count + 1):
        body = f"{number}".encode()
        row: Row = {
            "number": number,
            "at_ms": number,
            "account": 5,
            "key": "k",
            "origin": "o",
            "request": "r",
            "call": "c",
            "resource": f"/v1/x/{number}",
            "status": 200,
            "code": "",
            "digest": sent_digest(b"salt", hashlib.sha256(body).digest()),
            "salt": b"salt",
            "body": body,
        }
        hash_ = entry_hash(hash_, entry_of(row))
        rows.append({**row, "hash": hash_})
    return rows


def repeated(rows: list[Row], *numbers: int) -> dict[int, set[bytes]]:
    return {number: {rows[number - 1]["hash"][:REPEATED_BYTES]} for number in numbers}


def differences(rows: list[Row], named: dict[int, set[bytes]] | None = None) -> list[str]:
    found: list[str] = []
    check = AdminLogCheck(named or {}, found.append)
    for row in rows:
        check.take(row)
    check.end()
    assert check.entries == len(rows)
    return found


def test_a_log_as_it_was_written_has_no_difference() -> None:
    rows = log()
    assert differences(rows, repeated(rows, 2, 4)) == [] == differences([])
    erased = [{**row, "salt": None, "body": None} for row in rows]
    assert differences(erased, repeated(rows, 4)) == [], "words can go"


@pytest.mark.parametrize(
    "field", ["at_ms", "account", "key", "origin", "request", "call", "resource", "status", "code", "digest"]
)
def test_an_edited_field_is_found_at_its_entry_and_once(field: str) -> None:
    rows = log()
    rows[1][field] = {int: 9, str: "other", bytes: b"other"}[type(rows[1][field])]
    rows[1]["body"] = None
    (found,) = differences(rows)
    assert "entry 2 is not what was written" in found


def test_one_who_makes_the_chain_anew_is_found_by_what_the_journal_says() -> None:
    rows, named = log(), repeated(log(), 4)
    forged, hash_ = [], NO_HASH
    for row in rows:
        changed = {**row, "account": 9}
        hash_ = entry_hash(hash_, entry_of(changed))
        forged.append({**changed, "hash": hash_})
    assert differences(forged) == []
    (found,) = differences(forged, named)
    assert "entry 4 is not the one that the journal names" in found
    two = {4: named[4] | {b"x" * REPEATED_BYTES}}
    assert len(differences(rows, two)) == 1, "journals say two things of one entry"


def test_removed_and_reordered_entries_are_found() -> None:
    rows = log()
    assert "entry 3 follows entry 1" in differences([rows[0], rows[2], rows[3]])[0]
    assert "entry 2 follows entry 0" in differences(rows[1:])[0]
    swapped = [rows[0], {**rows[2], "number": 2}, {**rows[1], "number": 3}, rows[3]]
    assert "entry 2 is not what was written" in differences(swapped)[0]
    (short,) = differences(rows[:2], repeated(rows, 3))
    assert "ends at entry 2, and the journal names entry 3" in short
    assert differences(rows[:3], repeated(rows, 3)) == [], "what no journal has named yet can be cut off"


def test_words_that_were_changed_are_found() -> None:
    rows = log()
    rows[2]["body"] = b"other"
    (found,) = differences(rows)
    assert "entry 3: what the call sent is not what was written" in found
