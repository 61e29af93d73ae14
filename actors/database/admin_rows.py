"""Entries of the log of administrators as rows, for the store that appends them and for those who read all of them."""

from typing import Any

from actors.records.admin_entries import AdminCall, AdminEntry


def entry_of(row: Any) -> AdminEntry:
    """A row of `admin_log`."""
    return AdminEntry(
        number=row["number"], at_ms=row["at_ms"], call=call_of(row), status=row["status"], code=row["code"], digest=row["digest"]
    )


def call_of(row: Any) -> AdminCall:
    """What a row of `admin_log` or `admin_call` says of the call."""
    return AdminCall(
        account=row["account"],
        key=row["key"],
        door=row["door"],
        request=row["request"],
        call=row["call"],
        resource=row["resource"],
    )
