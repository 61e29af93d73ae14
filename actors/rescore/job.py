"""What a rescoring job is: card, settings, inputs, units of work, and what each unit gave.

The same card, settings and inputs give the same bytes, whoever works on them and however often he dies: units are cut from the inputs
alone, and each file that is written is made by one unit.
"""

import hashlib
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa

import models
from actors.storage.interface import Folder
from models.credit.score import DAYS_MIN, PAYMENTS_MIN
from models.scorecard import Scorecard

FORMAT: Final = 1
PART_ROWS: Final = 1_048_576
"""Some 30 MB with everything: large enough to list quickly, small enough that two workers end ten million rows together, and that a killed
one loses a second."""
PART_ROWS_MIN: Final = 1_024
MAX_BAD: Final = 0.001


class RescoreRefused(Exception):
    """The job cannot begin or go on, and why; nothing was written that a reader would take for a result."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What decides bytes beside card and inputs. `wallet`: the column that says who; `keep`: further columns to keep. `as_of`: milliseconds
    since 1970, of the features."""

    wallet: str = "wallet"
    keep: tuple[str, ...] = ()
    part_rows: int = PART_ROWS
    scores_only: bool = False
    min_days: int = DAYS_MIN
    min_payments: int = PAYMENTS_MIN
    skip_corrupt: bool = False
    as_of: int | None = None


class Group(msgspec.Struct, frozen=True, array_like=True):
    """A row group: its rows, and the bytes on disk of the columns that are read."""

    rows: int
    bytes: int


class InputFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it was when the job began. `path`: below the input's folder. `tag`: time of change on a disk, ETag in an object
    store. `footer`: SHA-256 of what Parquet says of the file at its
    end, the addresses and sizes of all columns among it."""

    path: str
    bytes: int
    tag: str
    footer: str
    rows: int


class Corrupt(msgspec.Struct, frozen=True, kw_only=True):
    """A file, or one of its row groups, that cannot be read."""

    path: str
    group: int | None
    rows: int
    reason: str


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Row groups [`first`, `end`) of a file; `row`: how many rows of the file lie before them."""

    file: int
    first: int
    end: int
    row: int
    rows: int
    bytes: int


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """Work for one worker, and the files that it makes."""

    number: int
    spans: tuple[Span, ...]

    @property
    def rows(self) -> int:
        """Rows of all its spans."""
        return sum(span.rows for span in self.spans)

    @property
    def bytes(self) -> int:
        """Bytes on disk of the columns that are read."""
        return sum(span.bytes for span in self.spans)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the output. `file`: below the output's folder."""

    file: str
    rows: int
    bytes: int
    sha256: str


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of rows. `histogram`: by score, from `worst` on, `step` scores in each. `first`: by band and reason, where the reason
    is the first; `named`: where it is any; `gaps`: points lost for it in all, of those named."""

    scored: int
    bad: int
    causes: dict[str, int]
    worst: int
    step: int
    histogram: list[int]
    bands: list[int]
    first: list[list[int]]
    named: list[int]
    gaps: list[int]
    unknown: dict[str, int]
    checked: int

    @property
    def not_available(self) -> int:
        """Rows without a score, and not because they are bad."""
        return sum(self.causes.values())

    @property
    def rows(self) -> int:
        """All rows."""
        return self.scored + self.bad + self.not_available


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit gave. `peak_bytes`: the most memory that its worker had had by then, which readers of the output never see."""

    unit: int
    parts: tuple[Part, ...]
    bad_rows: tuple[Part, ...]
    corrupt: tuple[Corrupt, ...]
    tally: Tally
    peak_bytes: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a job is bound to: resuming compares each field. `schema`: the types of kept columns."""

    format: int
    card: str
    code: str
    settings: Settings
    schema: tuple[str, ...]
    batch_rows: int
    corrupt: tuple[Corrupt, ...]
    inputs: tuple[InputFile, ...]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """All that a worker needs beside its unit. `kept`: the columns that go from input to output, as the output has them.
    `dictionaries`: text columns that are read as dictionaries."""

    source: Folder
    output: Folder
    card: Scorecard
    plan: Plan
    kept: pa.Schema
    columns: tuple[str, ...]
    dictionaries: tuple[str, ...]

    @property
    def settings(self) -> Settings:
        """The settings of the plan."""
        return self.plan.settings


def code_version() -> str:
    """A digest of what decides the bytes: the code of models and of this room, and the version of the writer of Parquet."""
    text = hashlib.sha256(f"pyarrow {pa.__version__}".encode())
    for folder in (Path(models.__file__).parent, Path(__file__).parent):
        for path in sorted(folder.rglob("*.py")):
            text.update(path.name.encode() + path.read_bytes())
    return text.hexdigest()[:16]
