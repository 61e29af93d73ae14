"""One shard's core whose messages are carried at once, with a clock that a test moves."""

from typing import Any

import numpy as np

from actors.ledger.bounds import Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.blocks import GENESIS, Chain, Sealed, Writer, block_hash, records_of
from actors.records.credit_layout import CREDIT_QUESTION, CREDIT_REQUEST, OrderKind
from actors.records.layout import REQUEST, Kind
from actors.shard import messages as m
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
from rules.vocabulary.encodings import WalletKind

START = 1_700_000_000_000
EUR = 978
DAY_MS = 86_400_000
MERCHANT, SCENARIO = 7, 3
SMALL = Capacity(
    segments=4, segment_map=8, keys=5_000, payers=64, attempts=2_048, profiles=16, holds=16, consents=8, orders=8
)


class OneShard:
    """`blocks`: what is stored; `asked_for`: wallets of other shards that were asked for; `away`: the database does not answer."""

    def __init__(self, capacity: Capacity = SMALL) -> None:
        self.capacity = capacity
        self.now = START
        self.blocks: list[Sealed] = []
        self.answers: dict[int, Any] = {}
        self.asked_for: list[int] = []
        self.away = False
        self._refs = self._keys = 0
        self.core = self._begun()

    def _begun(self) -> ShardCore:
        ledger = Ledger(LedgerConfig(shard=0, shards=1, secret=bytes(16)), self.capacity)
        core = ShardCore(
            ShardConfig(shard=0, shards=1, scored=False), ledger, Writer(0, 1, len(self.blocks) + 1, bytes(16))
        )
        self.core = core
        self.feed(m.Clock(off_ms=0))
        if self.blocks:
            self.feed(m.Segments(owners={1: 0}))
            core.replay(core.chain().extend([(block.number, block.data) for block in self.blocks]))
        self.feed(m.Recovered())
        return core

    def restarted(self) -> "OneShard":
        """The process ends and another takes its place."""
        self._begun()
        return self

    def feed(self, message: m.Message) -> None:
        """Hand a message to the core and carry what it says."""
        waiting = [message]
        while waiting:
            for output in self.core.handle(waiting.pop(0), self.now):
                waiting += self._answered_by(output)

    def _answered_by(self, output: m.Output) -> list[m.Message]:
        match output:
            case m.Append() | m.ReadHead() if self.away:
                pass
            case m.Append():
                self.blocks += output.blocks
                return [m.Stored(sequence=output.sequence, outcome="stored")]
            case m.ReadHead():
                last = self.blocks[-1] if self.blocks else None
                number, hash_ = (0, GENESIS) if last is None else (last.number, block_hash(last.data))
                return [m.HeadIs(sequence=output.sequence, number=number, hash=hash_)]
            case m.NeedSegment():
                return [m.Segments(owners={1: 0})]
            case m.Pause():
                return [output.then]
            case m.AskProfiles():
                self.asked_for += output.addresses.tolist()
            case m.Answer():
                assert output.ref not in self.answers, "answered once"
                self.answers[output.ref] = output.value
            case m.Halt():
                raise AssertionError(output.reason)
        return []

    def ask(self, message: Any) -> Any:
        """The answer to a message made with a reference."""
        self._refs += 1
        self.feed(message(self._refs))
        return self.answers[self._refs]

    def wait(self, ms: int) -> None:
        """Time goes by."""
        self.now += ms
        self.feed(m.Tick())
        self.feed(m.Tick())

    def key(self) -> int:
        self._keys += 1
        return self._keys

    def pay(self, **columns: int) -> Any:
        rows = np.zeros(1, REQUEST)
        rows["key_lo"], rows["currency"], rows["caller"] = self.key(), EUR, 1
        for name, value in columns.items():
            rows[name] = value
        (result,) = self.ask(lambda ref: m.Submit(ref=ref, rows=rows, details={}))
        return result

    def wallet(self, kind: WalletKind = WalletKind.USER, balance: int = 0) -> int:
        """A new wallet with money."""
        for _ in range(3):
            made = self.pay(op=Kind.WALLET_OPENED, kind=kind)
            if not made["code"]:
                break
        address = int(made["address"])
        if balance:
            self.pay(op=Kind.WALLET_OPENED, kind=WalletKind.EXTERNAL, payee=1024)
            assert self.pay(op=Kind.TRANSFER, payer=1024, payee=address, amount=balance)["code"] == 0
        return address

    def credit(self, op: int, holder: int, **columns: Any) -> Any:
        """The result of one credit request, of the merchant's account where nothing else is said."""
        rows = np.zeros(1, CREDIT_REQUEST)
        rows["op"], rows["holder"], rows["home"], rows["caller"], rows["seen"] = op, holder, holder, 1, -1
        rows["account"], rows["scenario"], rows["digest"] = MERCHANT, SCENARIO, 5
        rows["key_lo"] = columns.pop("key", 0) or self.key()
        for name, value in columns.items():
            rows[name] = value
        (result,) = self.ask(lambda ref: m.Credit(ref=ref, rows=rows, details={}))
        return result

    def order(self, holder: int, payee: int, cap: int = 1_000, **columns: int) -> int:
        """A new order on a receipt, under a consent that is given where there is none."""
        of = {name: columns[name] for name in ("account", "scenario") if name in columns}
        if not columns.get("effective_time") and not self.state(holder, **of)["consent"]["holder"]:
            given = self.credit(Kind.CONSENT_GRANTED, holder, expiry=self.now + 365 * DAY_MS, **of)
            assert given["code"] == 0, given
        stated = {"kind": OrderKind.PAY_LATER, "expiry": self.now + 30 * DAY_MS, "confirm_by": self.now + DAY_MS}
        stated |= {"default_after_s": 30 * 86_400, "open_max": 3, "amount": cap, "payee": payee}
        made = self.credit(Kind.ORDER_CREATED, holder, **{**stated, **columns})
        assert made["code"] == 0, made
        return int(made["address"])

    def state(self, holder: int, order: int = 0, account: int = MERCHANT, scenario: int = SCENARIO, **more: int) -> Any:
        """CREDIT_STATE of a holder."""
        questions = np.zeros(1, CREDIT_QUESTION)
        for name, value in more.items():
            questions[name] = value
        questions["holder"], questions["order"] = holder, order
        questions["account"], questions["scenario"] = account, scenario
        (state,) = self.ask(lambda ref: m.ReadCredit(ref=ref, questions=questions))
        return state

    def records(self) -> Any:
        """All that is stored."""
        Chain(0, 0, GENESIS).extend([(block.number, block.data) for block in self.blocks])
        return np.concatenate([records_of(block.data) for block in self.blocks])

    def kinds(self) -> list[Kind]:
        """Kinds of all credit records and transfers stored, in order."""
        return [Kind(kind) for kind in self.records()["kind"].tolist() if kind >= Kind.CONSENT_GRANTED]
