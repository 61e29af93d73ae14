"""The journal of one shard repeats the newest hash of the log of administrators, in a record.

So whoever would change what that log says has to change a journal too.
"""

from typing import Protocol

import numpy as np

from actors.ledger.ledger import Ledger
from actors.records.admin_entries import LOG_SENDER
from actors.records.layout import READ_UP_TO, RECORD, SENDER, Kind, Records
from actors.shard import messages as m
from actors.shard.channels import Cursor, fill_cursor
from actors.shard.journal_writer import JournalWriter


class Core(Protocol):
    """What this needs of the shard's core."""

    ledger: Ledger
    writer: JournalWriter
    serving: bool


class RepeatedLog:
    """What a journal has said of the log so far."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._entry = 0

    def others(self, records: Records) -> Records:
        """Cursors in journals among replayed records; of this log's it is noted how far it was read."""
        cursors = records[records["kind"] == Kind.CURSOR]
        own = cursors[SENDER] == LOG_SENDER
        self._entry = int(cursors[own][READ_UP_TO][-1]) if own.any() else self._entry
        rest: Records = cursors[~own]
        return rest

    def newest(self, message: m.AdminLogIs) -> None:
        """Record where the log ends now. A process that went on from a checkpoint may say once more what it has said."""
        if not self._core.serving or message.entry == self._entry:
            return
        record = np.zeros(1, RECORD)
        fill_cursor(record, LOG_SENDER, Cursor(message.entry, message.hash))
        record["record_time"] = self._core.ledger.record_time
        self._entry = message.entry
        self._core.writer.seal(record, {}, 0)
