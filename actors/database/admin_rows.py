"""Rows of the log of administrators as entries, for its store and for the audit."""

from typing import Any

from actors.records.admin_entries import AdminCall, AdminEntry


def entry_of(row: Any) -> AdminEntry:
    """A row of `admin_log`."""
    return AdminEntry(
        number=row["number"],
        at_ms=row["at_ms"],
        call=call_of(row),
        status=row["status"],
        code=row["code"],
        digest=row["digest"],
    )


def call_of(row: Any) -> AdminCall:
    """What a row of `admin_log` or `admin_call` says of the call."""
    return AdminCall(
        account=row["account"],
        key=row["key"],
        origin=row["origin"],
        request=row["request"],
        call=row["call"],
        resource=row["resource"],
    )
