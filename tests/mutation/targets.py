"""What is changed, what of it touches money, and which tests could notice.

Money is touched where a payment can be lost, made twice, made of other amounts, for others or beyond a limit, where an answer can say
what is not so, and where the journal that all of it rests on can be wrong. It is not where only the speed, a share among
callers, a warning or what a score sees can be wrong.
"""

from typing import Final, NamedTuple


class Suite(NamedTuple):
    """Tests that one process keeps ready: `files` below tests/, and these `seeds` of the simulation. `compiled`: kernels as machine code,
    which no change reaches; else as plain Python."""

    files: tuple[str, ...]
    seeds: tuple[int, ...]
    compiled: bool


class Target(NamedTuple):
    """A file; `beside`: its functions, or classes, in which no money is touched, "*" all of them."""

    path: str
    suite: Suite
    beside: tuple[str, ...] = ()

    def touches_money(self, function: str) -> bool:
        """Whether money can be wrong by a change of this function."""
        return "*" not in self.beside and function not in self.beside and function.split(".")[0] not in self.beside


LEDGER: Final = Suite(
    ("tests/unit/actors/ledger", "tests/unit/actors/records", "tests/unit/actors/shard/test_journal_writer.py"),
    seeds=(0, 1, 2),
    compiled=False,
)
"""Some 1.2 s a seed."""
SHARD: Final = Suite(
    (
        "tests/unit/actors/shard",
        "tests/unit/switch/gateway/test_write_queue.py",
        "tests/unit/switch/gateway/test_credit_queue.py",
        "tests/unit/switch/gateway/test_deadlines.py",
        "tests/unit/switch/fairness/test_shares.py",
        "tests/unit/switch/gateway/test_attempts.py",
    ),
    seeds=(*range(8),),
    compiled=True,
)
"""Some 0.5 s a seed."""
CREDIT: Final = Suite(
    (
        "tests/unit/actors/ledger/test_credit.py",
        "tests/unit/actors/ledger/test_orders.py",
        "tests/unit/actors/shard/test_credit.py",
        "tests/unit/actors/shard/test_stopped_orders.py",
        "tests/unit/actors/shard/test_order_history.py",
        "tests/unit/actors/shard/test_disputes.py",
        "tests/unit/actors/shard/test_scores.py",
    ),
    seeds=(4, 5, 14, 15),
    compiled=True,
)
"""The seeds are of those that have credit."""
INQUIRIES: Final = Suite(
    (
        "tests/unit/actors/ledger/test_inquiries.py",
        "tests/unit/actors/shard/test_credit.py",
        "tests/unit/actors/shard/test_disputes.py",
    ),
    seeds=(4,),
    compiled=False,
)
_ALL: Final = ("*",)

TARGETS: Final = (
    *(
        Target(f"actors/{name}.py", LEDGER, beside)
        for name, beside in (
            ("ledger/posting", ()),
            ("ledger/admission", ("read_ahead",)),
            ("ledger/apply", ()),
            ("ledger/captures_refunds", ()),
            ("ledger/holds", ()),
            ("ledger/book", ("fetch_row", "with_profile_room")),
            ("ledger/replay", ("fetch_ahead",)),
            ("ledger/ledger", ("Ledger.columns", "Ledger.fills", "Ledger.gave_up_profiles")),
            ("ledger/table", ("fetch_slot", "table_bytes")),
            ("records/addresses", ()),
            ("records/blocks", ()),
            ("records/chain_time", ()),
            ("records/ids", ()),
            ("records/siphash", ()),
            ("records/survey", _ALL),
            ("ledger/snapshot", ()),
            ("ledger/chains", ()),
            ("records/late", _ALL),
            ("ledger/features", _ALL),
            ("ledger/rebuilding", _ALL),
            ("ledger/windows", _ALL),
        )
    ),
    *(
        Target(f"actors/shard/{name}.py", SHARD, beside)
        for name, beside in (
            ("idempotency", ()),
            ("channels", ()),
            ("batch", ()),
            ("refundable", ()),
            ("remote_wallets", ()),
            ("repeats", ()),
            ("journal_writer", ("JournalWriter.backlog", "JournalWriter.backlog_bytes", "JournalWriter.flight_bytes")),
            (
                "core",
                (
                    "ShardCore.queued_rows",
                    "ShardCore.rows_at_hand",
                    "ShardCore.ready",
                    "ShardCore._answers_go_first",
                    "ShardCore._pause",
                    "ShardCore._go_on",
                    "ShardCore._may_begin",
                    "ShardCore._save_is_due",
                    "ShardCore._save_when_due",
                    "ShardCore._save_now",
                    "ShardCore._look_at_tables",
                ),
            ),
            (
                "intake",
                (
                    "Asked.small",
                    "_slice_bytes",
                    "Intake._heard_of",
                    "Intake._rows_max",
                    "Intake.is_shared",
                    "Intake.has_large",
                    "Intake.take",
                    "Intake._next_parts",
                    "Intake.fill",
                    "Intake.batch_rows",
                    "_in_turn",
                ),
            ),
            ("chain_heads", ()),
            ("clock", ()),
            ("fallbacks", _ALL),
            ("fills", _ALL),
            ("pace", _ALL),
        )
    ),
    Target("actors/ledger/credit.py", CREDIT, ("CreditBook.fills",)),
    Target("actors/ledger/inquiries.py", INQUIRIES, ("_may_inquire",)),
    Target("actors/ledger/orders.py", CREDIT),
    Target("actors/shard/credit.py", CREDIT, ("CreditRequests.queued_rows",)),
    *(Target(f"actors/shard/{name}.py", CREDIT) for name in ("attempts", "disputes", "order_history", "scores")),
    Target(
        "switch/gateway/write_queue.py",
        SHARD,
        (
            "ShardWriteQueue.queued_rows",
            "ShardWriteQueue._wake",
            "ShardWriteQueue._start",
            "ShardWriteQueue._batches_are_next",
            "ShardWriteQueue._few",
            "ShardWriteQueue._hear_of",
            "Backoff",
        ),
    ),
    Target("switch/gateway/deadlines.py", SHARD, ("Deadlines.forget_done", "Deadlines.close")),
    Target("switch/gateway/credit_queue.py", SHARD, ("CreditQueue._wake",)),
    Target("switch/gateway/attempts.py", SHARD),
    Target("switch/fairness/fair_queue.py", SHARD, _ALL),
)
