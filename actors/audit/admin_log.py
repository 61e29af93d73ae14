"""The log of administrators is one chain, and shards' journals repeat its hashes.

An entry that was edited, removed or put elsewhere breaks the chain, or is not what a journal says; one that was added at the end is the
next. Words that were erased say nothing that could be wrong.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from actors.database.admin_rows import entry_of
from actors.database.connection import SQL
from actors.records.admin_entries import NO_HASH, entry_hash, sent_digest

ROWS_AT_ONCE: Final = 1_000
REPEATED_BYTES: Final = 16
"""Bytes of a hash that a journal repeats."""


class AdminLogCheck:
    """Fed with the log's rows in order. `repeated`: what journals say, first bytes of hashes by number."""

    def __init__(self, repeated: Mapping[int, set[bytes]], differ: Callable[[str], None]) -> None:
        self.entries = 0
        self._repeated = repeated
        self._differ = differ
        self._hash = NO_HASH
        self._broken = False

    def take(self, row: Any) -> None:
        """The next row."""
        entry = entry_of(row)
        self.entries += 1
        if entry.number != self.entries and not self._broken:
            self._wrong(f"entry {entry.number} follows entry {self.entries - 1}")
        hash_ = entry_hash(self._hash, entry)
        if row["hash"] != hash_ and not self._broken:
            self._wrong(f"entry {entry.number} is not what was written, or not where it was")
        self._hash = row["hash"]
        if row["body"] is not None and _digest_of(row) != entry.digest:
            self._differ(f"log of administrators: entry {entry.number}: what the call sent is not what was written")
        if self._repeated.get(entry.number, set()) - {row["hash"][:REPEATED_BYTES]}:
            self._differ(f"log of administrators: entry {entry.number} is not the one that the journal names")

    def end(self) -> None:
        """There are no more rows."""
        newest = max(self._repeated, default=0)
        if newest > self.entries and not self._broken:
            self._differ(
                f"log of administrators: it ends at entry {self.entries}, and the journal names entry {newest}"
            )

    def _wrong(self, text: str) -> None:
        """The first break; what follows would only repeat it."""
        self._broken = True
        self._differ(f"log of administrators: {text}")


def _digest_of(row: Any) -> bytes:
    return sent_digest(row["salt"] or b"", hashlib.sha256(row["body"]).digest())


async def check_admin_log(connection: Any, repeated: Mapping[int, set[bytes]], differ: Callable[[str], None]) -> int:
    """Check the log in the transaction that `connection` is in; gives how many entries it has."""
    check = AdminLogCheck(repeated, differ)
    async for row in connection.cursor(SQL["admin_log_all"], prefetch=ROWS_AT_ONCE):
        check.take(row)
    check.end()
    return check.entries
