"""Everything that goes into a shard core or comes out of it.

Whoever hosts the core only carries these.

A host may lose, delay, repeat or reorder what it carries between processes (`Submit`, `Answer`, `Legs`, `Profiles`...), and may die
at any time. Within a process each output is performed once and its answer comes at most once.
"""

from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.records import layout
from actors.records.blocks import Sealed
from actors.records.credit_layout import (
    NOTHING_SEEN,
    CreditQuestions,
    CreditRequests,
    ScoreRows,
    SeenHeads,
)
from actors.records.layout import Records, Requests, WalletRows
from rules.decisions.decision import Decisions, Fallback


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all messages."""


# Into the core.


class Submit(Message, frozen=True):
    """A batch of REQUEST rows from a front door; `details` by row index, as msgpack."""

    ref: int
    rows: Requests
    details: dict[int, bytes]


class Read(Message, frozen=True):
    """Show wallets (addresses, int64) as they durably are."""

    ref: int
    addresses: NDArray[np.int64]


class Credit(Message, frozen=True):
    """CREDIT_REQUEST rows (n,) from a front door; `details` by row index, as msgpack."""

    ref: int
    rows: CreditRequests
    details: dict[int, bytes]


class ReadCredit(Message, frozen=True):
    """Show what CREDIT_QUESTION rows (n,) ask for, as it durably is."""

    ref: int
    questions: CreditQuestions


class Publish(Message, frozen=True):
    """SCORE_ROW rows (n,): what a run says of wallets; links and record times are the shard's. `details` by row index, as msgpack; `seen`:
    as of `ShardClient.publish`."""

    ref: int
    rows: ScoreRows
    details: dict[int, bytes] = {}
    seen: SeenHeads = NOTHING_SEEN


class FindHeads(Message, frozen=True):
    """Where do the chains of wallets (addresses, int64) begin? Answered at once, with a ChainHead for each."""

    ref: int
    addresses: NDArray[np.int64]


class TryOut(Message, frozen=True):
    """What would become of a payment, a REQUEST row (1,)? Answered with a Preview."""

    ref: int
    row: Requests


class Recall(Message, frozen=True):
    """Which attempts of a wallet do windows count? Answered with Attempts, durable, None for a wallet that is not here or an operator's."""

    ref: int
    wallet: int


class FindKey(Message, frozen=True):
    """Which record did this caller's key make? Asked by the 16 bytes of the key and its home wallet."""

    ref: int
    caller: int
    home: int
    key: bytes


class Scored(Message, frozen=True):
    """Decisions for batch `number`, in row order; `fallback`: what the scorer says is to decide when none answers."""

    number: int
    decisions: Decisions
    fallback: Fallback | None = None


class FallbackIs(Message, frozen=True):
    """What is to decide when no scorer answers, as the database has it."""

    fallback: Fallback


class Stored(Message, frozen=True):
    """How an append ended. `unknown`: it may or may not be stored. `taken`: another block stands at a number; nothing is stored.
    `unavailable`: nothing is stored, the database cannot be reached."""

    sequence: int
    outcome: Literal["stored", "unknown", "taken", "unavailable"]


class BlockIs(Message, frozen=True):
    """The block at a number of this shard's journal, None if there is none."""

    sequence: int
    number: int
    data: bytes | None


class HeadIs(Message, frozen=True):
    """The newest block of this shard's journal, as it was at some time after the question."""

    sequence: int
    number: int
    hash: bytes


class Recovered(Message, frozen=True):
    """The journal was replayed to its end (see `ShardCore.replay`)."""


class Legs(Message, frozen=True):
    """What blocks (`since`, `until`] of `sender` hold for this shard: LEG sources and wallet changes with their addresses. A push of the
    process with this `writer` number, which began on this `timeline` of the database."""

    sender: int
    writer: int
    timeline: int
    since: int
    since_hash: bytes
    until: int
    until_hash: bytes
    records: Records
    addresses: NDArray[np.int64]


class Page(Message, frozen=True):
    """Blocks of `sender` from the first one on that `ReadChannel` asked for; `end`: the journal had no more."""

    sender: int
    stamp: int
    blocks: list[tuple[int, bytes]]
    end: bool


class PageFailed(Message, frozen=True):
    """The page could not be read."""

    sender: int


class Profiles(Message, frozen=True):
    """WALLET rows of another shard's wallets, as asked by `AskProfiles`; None when the shard could not be reached."""

    shard: int
    stamp: int
    addresses: NDArray[np.int64]
    wallets: WalletRows | None


class Pushed(Message, frozen=True):
    """A push has ended, well or not; the next may go."""

    shard: int


class RecordsRead(Message, frozen=True):
    """RECORD rows (n,) of this shard, as asked by `ReadRecords`."""

    records: Records


class Originals(Message, frozen=True):
    """What the journal says of the records asked for by `ReadOriginals`: an ORIGINAL row for each, kind 0 where none moved money."""

    stamp: int
    originals: layout.Originals


class Segments(Message, frozen=True):
    """The owning shard of every segment that exists, read after `stamp` (0: not asked for by `ReadSegments`). `closed`: those in which no
    wallet is opened any more."""

    owners: dict[int, int]
    stamp: int = 0
    closed: frozenset[int] = frozenset()


class AdminLogIs(Message, frozen=True):
    """The log of administrators ends with this entry and hash; the journal of one shard repeats it."""

    entry: int
    hash: bytes


class Clock(Message, frozen=True):
    """The database's clock was read and this shard has its time; `off_ms`: how far that clock is ahead of it, 0 unless it was set."""

    off_ms: int


class Tick(Message, frozen=True):
    """Time has passed."""


class GoOn(Message, frozen=True):
    """As asked for by `Pause`: what came meanwhile had its turn."""


class Rested(Message, frozen=True):
    """Scores have waited so long that payments had their turn."""


class SaveNow(Message, frozen=True):
    """Emit `Save` at the next durable boundary, whatever little has been recorded since the last."""


# Out of the core.


class Answer(Message, frozen=True):
    """The answer to `ref`: RESULT rows for Submit, WALLET rows for Read, CREDIT_RESULT rows for Credit, CREDIT_STATE rows for ReadCredit,
    an address for FindKey: durable, and from the owner. A list of ChainHead for FindHeads: neither."""

    ref: int
    value: Any


class Score(Message, frozen=True):
    """Ask for decisions on feature columns (n, COLUMN_COUNT) of payments of these wallets (addresses, n)."""

    number: int
    payers: NDArray[np.int64]
    columns: NDArray[np.int64]


class Append(Message, frozen=True):
    """Store these blocks, all or none. `attempt` > 0: the same bytes again, after a pause."""

    sequence: int
    blocks: list[Sealed]
    attempt: int


class ReadBlock(Message, frozen=True):
    """Read one block of this shard's journal."""

    sequence: int
    number: int


class ReadHead(Message, frozen=True):
    """Read number and hash of the newest block of this shard's journal."""

    sequence: int


class ReadOn(Message, frozen=True):
    """Another process wrote meanwhile: replay from this block on, then send `Recovered` again."""

    first: int


class Push(Message, frozen=True):
    """Send legs to a shard."""

    shard: int
    legs: Legs


class ReadChannel(Message, frozen=True):
    """Read blocks of another shard's journal from `first` on."""

    sender: int
    first: int
    stamp: int


class AskProfiles(Message, frozen=True):
    """Ask another shard for wallets."""

    shard: int
    stamp: int
    addresses: NDArray[np.int64]


class ReadRecords(Message, frozen=True):
    """Read the records at these addresses (n,) of this shard's journal, ascending. Tried until it succeeds."""

    addresses: NDArray[np.int64]


class ReadOriginals(Message, frozen=True):
    """Read these records, of any shard, and the sum of their refunds. Tried until it succeeds."""

    stamp: int
    targets: list[int]


class Save(Message, frozen=True):
    """Write the ledger as a checkpoint. It holds all up to `block`, which is durable, and nothing beyond. `arrays`: what
    `ShardCore.keep` made of them."""

    block: int
    hash: bytes
    cursors: dict[int, tuple[int, bytes]]
    keys_since_ms: int
    arrays: Any


class NeedSegment(Message, frozen=True):
    """Claim a further segment for this shard and send `Segments`."""


class ReadSegments(Message, frozen=True):
    """A payee lies in a segment unknown here: read the topology again and send `Segments` with this stamp."""

    stamp: int


class Pause(Message, frozen=True):
    """There is more to do: send `then` after what came meanwhile, and `ms` milliseconds at least."""

    then: GoOn | Rested = GoOn()
    ms: int = 0


class Alert(Message, frozen=True):
    """Tell the operator."""

    text: str


class Halt(Message, frozen=True):
    """End this process at once; nothing more may be answered."""

    reason: str


Output = (
    Answer
    | Score
    | Append
    | ReadBlock
    | ReadHead
    | ReadOn
    | Push
    | ReadChannel
    | AskProfiles
    | ReadRecords
    | ReadOriginals
    | Save
    | NeedSegment
    | ReadSegments
    | Pause
    | Alert
    | Halt
)
