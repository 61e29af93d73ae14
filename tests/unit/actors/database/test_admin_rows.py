"""A row of the log is its entry, field by field."""

from actors.database.admin_rows import call_of, entry_of
from actors.records.admin_entries import AdminCall, AdminEntry


def test_a_row_is_its_entry() -> None:
    of_call = {"account": 5, "key": "k", "origin": "o", "request": "r", "call": "c", "resource": "s"}
    row = {
        **of_call,
        "number": 1,
        "at_ms": 2,
        "status": 200,
        "code": "x",
        "digest": b"d",
        "hash": b"h",
        "salt": b"s",
        "body": None,
    }
    call = AdminCall(account=5, key="k", origin="o", request="r", call="c", resource="s")
    assert call_of(row) == call
    assert entry_of(row) == AdminEntry(number=1, at_ms=2, call=call, status=200, code="x", digest=b"d")
