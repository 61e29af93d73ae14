"""Ways to break payment credit, each in one place."""

from typing import Any

import msgspec

from actors.ledger.ledger import Ledger
from actors.ledger.orders import BY_HOLDER
from actors.records.blocks import Writer
from actors.records.layout import Kind
from actors.shard import messages as m
from actors.shard.channels import Cursor
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
from actors.shard.credit import CreditRequests
from actors.shard.journal_writer import AppendUnit, JournalWriter


class _WithCredit(ShardCore):
    """A core that takes credit requests in another way."""

    credit_class: type[CreditRequests] = CreditRequests

    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self._credit = self.credit_class(self, self._channels, self._emit, self._fetch_payees)
        self._handlers |= {m.Credit: self._credit.offer, m.ReadCredit: self._credit.read}


class StoresACollectionWithoutItsOrder(ShardCore):
    """The transfer leaves in a block of its own."""

    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self.writer = self.writer_class(writer)

    class writer_class(JournalWriter):
        def seal(self, records: Any, details: dict[int, bytes], seen: int, controls: int = 0) -> AppendUnit:
            if len(records) > 1 and records["kind"][0] == Kind.TRANSFER and records["kind"][1] >= Kind.ORDER_CREATED:
                super().seal(records[:1], {}, seen, controls)
                return super().seal(records[1:], {}, 0)
            return super().seal(records, details, seen, controls)


class CollectsBehindTheBackOfWindows(ShardCore):
    """As if a collection were no attempt to pay: what later payments saw is not what the journal says."""

    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self.writer = self.writer_class(writer)

    class writer_class(JournalWriter):
        def seal(self, records: Any, details: dict[int, bytes], seen: int, controls: int = 0) -> AppendUnit:
            collects = records["kind"][0] == Kind.TRANSFER and (records["kind"] >= Kind.ORDER_CREATED).any()
            return super().seal(records, details, 0 if collects else seen, controls)


class SaysYesWithoutAConsent(_WithCredit):
    class credit_class(CreditRequests):
        def _consent(self, row: Any) -> Any:
            return {"record": int(row["reference"]), "standing": 0, "cap": 0}


class RecordsWhatAnotherWriterShowed(_WithCredit):
    """What a decision rests on may never have been stored."""

    class credit_class(CreditRequests):
        def offer(self, message: m.Credit) -> None:
            rows = message.rows.copy()
            rows["writer"] = 0
            super().offer(msgspec.structs.replace(message, rows=rows))


class TakesAnOrderOfAnotherHolder(_WithCredit):
    """A failover lost the order that a merchant means; another of its orders has that address now."""

    class credit_class(CreditRequests):
        def _order_call(self, row: Any, details: bytes | None) -> Any:
            order = self._ledger.credit.order(int(row["reference"]))
            if order is not None and Kind(int(row["op"])) not in BY_HOLDER:
                row = row.copy()
                row["holder"] = order["holder"]
            return super()._order_call(row, details)


class ForgetsItsClocksAfterAStart(_WithCredit):
    class credit_class(CreditRequests):
        def opened(self) -> None:
            self._timers = []


class ScoresAWalletAgainInTheSameRun(ShardCore):
    def handle(self, message: m.Message, now_ms: int) -> list[m.Output]:
        if isinstance(message, m.Publish):
            self.ledger.credit.rows["run"] = 0
        return super().handle(message, now_ms)


class ForgetsConsentsAfterACheckpoint(ShardCore):
    def resume_at(self, block: int, hash_: bytes, cursors: dict[int, Cursor]) -> None:
        self.ledger.credit.consents["expiry"] = 0
        super().resume_at(block, hash_, cursors)


class LeavesCreditOutOfTheTransaction(ShardCore):
    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self.writer = self.writer_class(writer)

    class writer_class(JournalWriter):
        def seal(self, records: Any, details: dict[int, bytes], seen: int, controls: int = 0) -> AppendUnit:
            unit = super().seal(records, details, seen, controls)
            unit.blocks[:] = [block._replace(credit=()) for block in unit.blocks]
            return unit


class ForgetsDisputesAfterAStart(_WithCredit):
    class credit_class(CreditRequests):
        def opened(self) -> None:
            super().opened()
            cases = {int(case["address"]) for case in self._ledger.credit.open_cases()}
            self._timers = [timer for timer in self._timers if timer[2] not in cases]


class NeverPassesADisputeOn(_WithCredit):
    class credit_class(CreditRequests):
        def _case_is_due(self, timer: int, address: int) -> None:
            case = self._ledger.credit.case(address)
            if case is not None and timer == case["due"]:
                super()._case_is_due(timer, address)


class CountsWhatWasDeleted(ShardCore):
    """An order that is no entry any more still stands against its holder."""

    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        setattr(ledger.credit, "_recount", lambda *_: None)  # noqa: B010


class KeepsADeletedScore(ShardCore):
    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        setattr(ledger.credit, "_unscore", lambda *_: None)  # noqa: B010


class LosesWhatWasErased(ShardCore):
    """That texts were erased is recorded, but not which."""

    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self.writer = self.writer_class(writer)

    class writer_class(JournalWriter):
        def seal(self, records: Any, details: dict[int, bytes], seen: int, controls: int = 0) -> AppendUnit:
            kept = {at: text for at, text in details.items() if records["kind"][at] != Kind.DATA_ERASED}
            return super().seal(records, kept, seen, controls)


CREDIT_BREAKAGES: tuple[type[ShardCore], ...] = (
    StoresACollectionWithoutItsOrder,
    CollectsBehindTheBackOfWindows,
    SaysYesWithoutAConsent,
    RecordsWhatAnotherWriterShowed,
    TakesAnOrderOfAnotherHolder,
    ForgetsItsClocksAfterAStart,
    ScoresAWalletAgainInTheSameRun,
    ForgetsConsentsAfterACheckpoint,
    LeavesCreditOutOfTheTransaction,
    ForgetsDisputesAfterAStart,
    NeverPassesADisputeOn,
    CountsWhatWasDeleted,
    KeepsADeletedScore,
    LosesWhatWasErased,
)
