"""A scorecard is a document; its canonical JSON text and the hash of that text name it for ever.

Points are integers. A value below `edges[0]` falls in bin 0, one in [edges[i-1], edges[i]) in bin i, one at or above the last
edge in the last bin. A missing value gets `missing` points, a category that the card does not name gets `unknown` points or is an
error. The score of a row is `base` plus the sum of its points. A characteristic's shortfall is its best points minus the points
it got; shortfalls name the reasons. Higher is always better.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.prohibited import prohibited_word
from models.wording import counted

REASONS_MAX = 4
"""More than four principal reasons are not helpful to the person scored (Regulation B, official interpretation 1002.9(b)(2)-1)."""

CHARACTERISTICS_MAX: Final = 256
BINS_MAX: Final = 256
"""A value is compared with all edges of its characteristic; cards in use have a dozen."""
CATEGORIES_MAX: Final = 4_096
POINTS_MAX: Final = 1_000_000
"""So that the sum of all characteristics and the base fits 32 bits."""
EDGE_MAX: Final = 2**61
"""Scaled values are kept within +-2**62, so one that was cut off is still beyond every edge."""
SCALE_MAX: Final = 10**9
TEXT_MAX: Final = 128
DOCUMENT_BYTES_MAX: Final = 4 * 2**20

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Problems = Iterator[tuple[str, str]]
"""Of a field, relative to where it stands, what is wrong with it."""


class Characteristic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One input of a scorecard: numeric with `edges`, which have one entry less than `points`, or with `categories`, groups of texts, one
    for each entry of `points`. `scale`: what a number is multiplied by, and then rounded (a half to even), before it is compared."""

    feature: str
    reason: str
    dimension: str | None = None
    scale: int = 1
    edges: tuple[int, ...] | None = None
    categories: tuple[tuple[str, ...], ...] | None = None
    points: tuple[int, ...]
    missing: int
    unknown: int | Literal["error"] | None = None

    def __post_init__(self) -> None:
        _refuse(self._problems())

    @property
    def all_points(self) -> tuple[int, ...]:
        """Whatever a row can get."""
        return (*self.points, self.missing, *([self.unknown] if isinstance(self.unknown, int) else []))

    def _problems(self) -> Problems:
        for field, text in (("feature", self.feature), ("reason", self.reason), ("dimension", self.dimension)):
            if text is not None and not 0 < len(text) <= TEXT_MAX:
                yield field, f"1 to {TEXT_MAX} characters"
        if (self.edges is None) == (self.categories is None):
            yield "edges", f"{self.feature}: give either edges or categories"
        elif self.edges is not None:
            yield from self._numeric_problems(self.edges)
        elif self.categories is not None:
            yield from self._category_problems(self.categories)
        if any(abs(points) > POINTS_MAX for points in self.all_points):
            yield "points", f"{self.feature}: points lie within +-{POINTS_MAX:,}"

    def _numeric_problems(self, edges: tuple[int, ...]) -> Problems:
        if len(self.points) != len(edges) + 1:
            yield (
                "points",
                f"{self.feature}: {counted(len(edges), 'edge needs', 'edges need')} {counted(len(edges) + 1, 'point')}, "
                f"not {len(self.points)}",
            )
        if len(edges) >= BINS_MAX:
            yield "edges", f"{self.feature}: at most {BINS_MAX - 1} edges"
        for at, (low, high) in enumerate(pairwise(edges), start=1):
            if low >= high:
                yield f"edges[{at}]", f"{self.feature}: edges must increase, and {high} follows {low}"
        if any(abs(edge) > EDGE_MAX for edge in edges):
            yield "edges", f"{self.feature}: edges lie within +-2^61"
        if not 1 <= self.scale <= SCALE_MAX:
            yield "scale", f"{self.feature}: 1 to {SCALE_MAX:,}"
        if self.unknown is not None:
            yield "unknown", f"{self.feature}: only categories can be unknown; numbers fall in a bin"

    def _category_problems(self, groups: tuple[tuple[str, ...], ...]) -> Problems:
        if len(self.points) != len(groups):
            yield (
                "points",
                f"{self.feature}: {counted(len(groups), 'group needs', 'groups need')} {counted(len(groups), 'point')}, "
                f"not {len(self.points)}",
            )
        if not 0 < len(groups) <= BINS_MAX or sum(map(len, groups)) > CATEGORIES_MAX:
            yield "categories", f"{self.feature}: 1 to {BINS_MAX} groups of {CATEGORIES_MAX:,} categories in all"
        if self.unknown is None:
            yield "unknown", f'{self.feature}: say what an unseen category gets: points, or "error"'
        if self.scale != 1:
            yield "scale", f"{self.feature}: categories have no scale"
        seen: set[str] = set()
        for at, group in enumerate(groups):
            if not group:
                yield f"categories[{at}]", f"{self.feature}: a group without categories"
            for place, category in enumerate(group):
                if category in seen:
                    yield f"categories[{at}][{place}]", f"{self.feature}: {category!r} stands in two places"
                seen.add(category)


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named stretch of the range: from score `low` up to where the next band begins."""

    name: str
    low: int


class Override(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A prohibited feature that a card uses all the same, and why."""

    feature: str
    because: str


class Scorecard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole card. `characteristics` are evaluated in their order. `range`: lowest and highest score, both reached exactly."""

    name: str
    version: int
    range: tuple[int, int] | None = None
    base: int = 0
    characteristics: tuple[Characteristic, ...]
    bands: tuple[Band, ...] | None = None
    overrides: tuple[Override, ...] | None = None

    def __post_init__(self) -> None:
        _refuse(self._problems())

    @property
    def best(self) -> int:
        """The score of a row that gets the most points everywhere."""
        return self.base + sum(max(item.all_points) for item in self.characteristics)

    @property
    def worst(self) -> int:
        """The score of a row that gets the fewest points everywhere."""
        return self.base + sum(min(item.all_points) for item in self.characteristics)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """In order of appearance."""
        return tuple(dict.fromkeys(item.dimension for item in self.characteristics if item.dimension is not None))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reason codes in order of appearance."""
        return tuple(dict.fromkeys(item.reason for item in self.characteristics))

    def _problems(self) -> Problems:
        if not _NAME.fullmatch(self.name):
            yield "name", "1 to 100 letters, digits, '.', '_' or '-', beginning with a letter or digit"
        if not 1 <= self.version < 2**31:
            yield "version", "a number from 1 to 2^31-1"
        if abs(self.base) > POINTS_MAX:
            yield "base", f"points lie within +-{POINTS_MAX:,}"
        if len(self.characteristics) > CHARACTERISTICS_MAX:
            yield "characteristics", f"at most {CHARACTERISTICS_MAX}"
        if self.range is not None and self.range != (self.worst, self.best):
            yield "range", f"the worst and best case give {self.worst} and {self.best}, not {list(self.range)}"
        without = [at for at, item in enumerate(self.characteristics) if item.dimension is None]
        if self.dimensions and without:
            message = "every characteristic or none has a dimension: else subtotals do not add up to the score"
            yield f"characteristics[{without[0]}].dimension", message
        forms: dict[str, tuple[int, bool]] = {}
        for at, item in enumerate(self.characteristics):
            if forms.setdefault(item.feature, (item.scale, item.edges is None)) != (item.scale, item.edges is None):
                yield f"characteristics[{at}].feature", f"{item.feature!r} is used before with another scale or kind"
        yield from self._band_problems()
        yield from self._prohibited_problems()

    def _band_problems(self) -> Problems:
        if self.bands is None:
            return
        if self.range is None:
            yield "bands", "bands need a range"
        elif not self.bands or self.bands[0].low != self.range[0]:
            yield "bands", f"the first band begins at {self.range[0]}, where the range does"
        for at, (below, band) in enumerate(pairwise(self.bands), start=1):
            if band.low <= below.low or (self.range is not None and band.low > self.range[1]):
                yield f"bands[{at}].low", "bands must increase, within the range"
        if len({band.name for band in self.bands}) != len(self.bands):
            yield "bands", "each band has a name of its own"

    def _prohibited_problems(self) -> Problems:
        allowed = {item.feature for item in self.overrides or () if item.because.strip()}
        for at, item in enumerate(self.characteristics):
            word = prohibited_word(item.feature)
            if word is not None and item.feature not in allowed:
                message = f"{item.feature!r} is a prohibited input ({word}), and no override says why it may be used"
                yield f"characteristics[{at}].feature", message
        unused = {item.feature for item in self.overrides or ()} - {item.feature for item in self.characteristics}
        if unused:
            yield "overrides", f"no characteristic uses {', '.join(sorted(unused))}"


class CardError(ValueError):
    """A text that is no scorecard. `field`: where, as in `characteristics[2].points`; empty for the whole."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message


class CardTables(NamedTuple):
    """A card flattened for the kernels: characteristic c owns edges[edge_at[c]:edge_at[c+1]] and the points of the same index."""

    column: NDArray[np.int64]
    edge_at: NDArray[np.int64]
    edges: NDArray[np.int64]
    points: NDArray[np.int64]
    unknown: NDArray[np.int64]
    """1 where points are for unseen categories."""
    missing: NDArray[np.int64]
    best: NDArray[np.int64]
    base: int


def parse(text: bytes) -> Scorecard:
    """The card that a JSON text describes. Raises CardError with the path of the first field that is wrong."""
    if len(text) > DOCUMENT_BYTES_MAX:
        raise CardError("", f"a scorecard has at most {DOCUMENT_BYTES_MAX:,} bytes")
    try:
        return msgspec.json.decode(text, type=Scorecard)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        parts = (path.rstrip("`").removeprefix("$").removeprefix("."), getattr(error.__cause__, "field", ""))
        detail = message.removeprefix(f"{parts[1]}: ") if parts[1] else message
        raise CardError(".".join(part for part in parts if part), detail) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CardError("", f"not JSON: {error}") from None


def canonical(card: Scorecard) -> bytes:
    """The one JSON text of a card: fields in declared order, those with their default left out, no white space."""
    return msgspec.json.encode(card)


def card_hash(card: Scorecard) -> str:
    """SHA-256 of the canonical text, in hex."""
    return hashlib.sha256(canonical(card)).hexdigest()


def flatten(
    card: Scorecard, columns: Mapping[str, int], codes: Mapping[str, Mapping[str, int]] | None = None
) -> CardTables:
    """Arrays for the kernels. `codes`: by feature, the number that stands for each category in its column. Raises ValueError for a
    feature that `columns`, or a category that `codes` does not have."""
    for item in card.characteristics:
        if item.feature not in columns:
            raise ValueError(f"{card.name}: no feature is named {item.feature!r}")
    laid_out = [_bins(card, item, codes or {}) for item in card.characteristics]
    counts = [len(edges) for edges, _, _ in laid_out]
    return CardTables(
        column=np.array([columns[item.feature] for item in card.characteristics], np.int64),
        edge_at=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        edges=np.array([edge for edges, _, _ in laid_out for edge in edges], np.int64),
        points=np.array([value for _, points, _ in laid_out for value in points], np.int64),
        unknown=np.array([value for _, _, unknown in laid_out for value in unknown], np.int64),
        missing=np.array([item.missing for item in card.characteristics], np.int64),
        best=np.array([max(item.all_points) for item in card.characteristics], np.int64),
        base=card.base,
    )


def _refuse(problems: Problems) -> None:
    for field, message in problems:
        raise CardError(field, message)


def _bins(
    card: Scorecard, item: Characteristic, codes: Mapping[str, Mapping[str, int]]
) -> tuple[list[int], list[int], list[int]]:
    """Edges, points and which points are for what the card does not know. A category is the numbers from its code to the next,
    so the kernels know only edges."""
    if item.edges is not None:
        return list(item.edges), list(item.points), [0] * len(item.points)
    assert item.categories is not None
    if item.feature not in codes:
        raise ValueError(f"{card.name}: {item.feature!r} has no categories here")
    known: dict[int, int] = {}
    for group, points in zip(item.categories, item.points, strict=True):
        for category in group:
            if category not in codes[item.feature]:
                raise ValueError(f"{card.name}: {item.feature!r} has no category {category!r} here")
            known[codes[item.feature][category]] = points
    other = item.unknown if isinstance(item.unknown, int) else min(item.all_points)
    edges: list[int] = []
    given, unknown = [other], [1]
    for code in sorted(known):
        if edges and edges[-1] == code and len(given) > 1 and given[-2] == known[code]:
            edges[-1] = code + 1
            continue
        if edges and edges[-1] == code:
            given[-1:], unknown[-1:] = [known[code]], [0]
        else:
            edges.append(code)
            given.append(known[code])
            unknown.append(0)
        edges.append(code + 1)
        given.append(other)
        unknown.append(1)
    return edges, given, unknown
