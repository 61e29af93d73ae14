"""What a run says of everybody, and what has changed since the run before.

Figures are made of the tallies and, for moves, of the two outputs themselves.
"""

from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.rescore.job import RescoreRefused, Tally
from actors.rescore.outcomes import Outcomes, outcomes_of
from actors.rescore.output import CARD, Output
from actors.rescore.refusals import in_words
from actors.rescore.run import Manifest, read_manifest
from actors.rescore.scores import MATCHED_ROWS_MAX, NO_SCORE, comparable, first_places, repeated, scores_of
from actors.rescore.scoring import not_comparable, stability
from actors.storage.interface import Folder
from models.scorecard import CardError, Scorecard, parse
from models.statistics import psi

QUANTILES: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BARS_MAX: Final = 60
MOVERS: Final = 20


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """Scores from `low` on, up to the next bar."""

    low: int
    rows: int


class BandShare(msgspec.Struct, frozen=True, kw_only=True):
    """Scored rows in a band; `before`: of the run before, None where its bands were others."""

    name: str
    rows: int
    share: float
    before: float | None


class ReasonCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often a reason is the first, in all and by band, how often it is any of the four, and the points lost for it in the mean. None of
    scores only."""

    code: str
    first: int
    named: int
    mean_gap: float
    first_by_band: list[int]


class Mover(msgspec.Struct, frozen=True, kw_only=True):
    """One wallet whose score changed much."""

    wallet: str
    before: int
    now: int


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """This run against one before. `migration` [before][now]: rows by band, in the order of `places`: the bands, or one for all scores
    where the bands before were others; without a score; not there. It sums to the scored rows of this run, those without a score, and those
    before whose wallet is in neither: it may be in a bad row. `matched`: rows of this run whose wallet was there before.
    `repeated_wallets`: those that come more than once in the run before, of which the first counts. None where there are too many to match.
    `psi`: None where it is not known, and `why_no_psi` says why. `mean`: of the run before, to (step - 1) / 2."""

    card: dict[str, Any]
    as_of: int | None
    psi: float | None
    why_no_psi: str | None
    psi_of_bands: float | None
    step: int
    mean: float | None
    places: list[str]
    migration: list[list[int]] | None
    matched: int | None
    repeated_wallets: int | None
    risers: list[Mover]
    fallers: list[Mover]


class RescoreReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows. Scores are counted in bins of `step` scores, 1 unless the card's range is wide: `lowest`, `highest`,
    `quantiles` and bars are low ends of bins; `mean` is that of their middles, no more than (step - 1) / 2 off, and None where no row has a
    score. `repeated_wallets`: those that come more than once; None where wallets were not matched."""

    card: dict[str, Any]
    as_of: int | None
    rows: int
    scored: int
    bad: int
    not_available: int
    causes: dict[str, int]
    step: int
    mean: float | None
    lowest: int | None
    highest: int | None
    quantiles: dict[str, int]
    distribution: list[Bar]
    bands: list[BandShare]
    reasons: list[ReasonCount]
    unknown: dict[str, int]
    checked: int
    repeated_wallets: int | None
    against: Against | None
    outcomes: Outcomes | None


class ReportInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a report may take into account: a run `before`, a table of who turned out bad."""

    before: Folder | None = None
    outcomes: Path | None = None


def report_of(card: Scorecard, output: Output, manifest: Manifest, given: ReportInputs) -> RescoreReport:
    """Raises RescoreRefused for a run before that is none, for outcomes that are none, and for what cannot be read."""
    with in_words(output.folder):
        return _report_of(card, output, manifest, given)


def _report_of(card: Scorecard, output: Output, manifest: Manifest, given: ReportInputs) -> RescoreReport:
    before, matched = given.before, _matched_rows(output, manifest, given)
    tally = manifest.tally
    counts = np.array(tally.histogram)
    places = np.flatnonzero(counts)
    against = None if before is None else _against(card, manifest, matched, before)
    old = None if before is None else _bands_before(before, card)
    scored = max(manifest.scored, 1)
    bands = [
        BandShare(name=band.name, rows=rows, share=rows / scored, before=None if old is None else old.get(band.name))
        for band, rows in zip(card.bands or (), tally.bands, strict=True)
    ]
    return RescoreReport(
        card=manifest.card,
        as_of=manifest.settings["as_of"],
        rows=manifest.rows,
        scored=manifest.scored,
        bad=manifest.bad,
        not_available=manifest.not_available,
        causes=tally.causes,
        step=tally.step,
        mean=_mean(tally),
        lowest=_low(tally, places[0]) if len(places) else None,
        highest=_low(tally, places[-1]) if len(places) else None,
        quantiles=_quantiles(tally),
        distribution=_bars(tally),
        bands=bands,
        reasons=[] if manifest.settings["scores_only"] else _reasons(card, tally),
        unknown=tally.unknown,
        checked=tally.checked,
        repeated_wallets=None if matched is None else repeated(first_places(matched.wallets)),
        against=against,
        outcomes=_outcomes(manifest, matched, given.outcomes),
    )


class _Rows(NamedTuple):
    """A run in memory: wallets (n,) and scores (n,), NO_SCORE where there is none."""

    wallets: pa.ChunkedArray
    scores: NDArray[np.int64]


def _matched_rows(output: Output, manifest: Manifest, given: ReportInputs) -> _Rows | None:
    """The rows of this run, where they are matched with anything and are not too many."""
    if manifest.rows > MATCHED_ROWS_MAX or (given.before is None and given.outcomes is None):
        return None
    return _Rows(*scores_of(output, manifest))


def _outcomes(manifest: Manifest, matched: _Rows | None, path: Path | None) -> Outcomes | None:
    """Raises RescoreRefused where there are too many rows to match, and for outcomes that are none."""
    if path is None:
        return None
    if matched is None:
        raise RescoreRefused(
            f"--outcomes: {manifest.rows:,} rows; at most {MATCHED_ROWS_MAX:,} are matched with outcomes"
        )
    return outcomes_of(manifest, *matched, path)


def _low(tally: Tally, place: Any) -> int:
    return tally.worst + int(place) * tally.step


def _mean(tally: Tally) -> float | None:
    """The mean score, of the middles of bins: exact where a bin is one score. None where no row has a score."""
    if not tally.scored:
        return None
    counts = np.array(tally.histogram)
    values = tally.worst + np.arange(len(counts)) * tally.step + (tally.step - 1) / 2
    return float((counts * values).sum() / counts.sum())


def _quantiles(tally: Tally) -> dict[str, int]:
    so_far = np.cumsum(tally.histogram)
    if not so_far[-1]:
        return {}
    return {f"{share:.0%}": _low(tally, np.searchsorted(so_far, share * so_far[-1])) for share in QUANTILES}


def _bars(tally: Tally) -> list[Bar]:
    width = -(-len(tally.histogram) // BARS_MAX)
    starts = range(0, len(tally.histogram), width)
    return [Bar(low=_low(tally, at), rows=sum(tally.histogram[at : at + width])) for at in starts]


def _reasons(card: Scorecard, tally: Tally) -> list[ReasonCount]:
    found = []
    for at, code in enumerate(card.reasons):
        by_band = [band[at] for band in tally.first]
        named, lost = tally.named[at], tally.gaps[at]
        mean = lost / named if named else 0.0
        found.append(ReasonCount(code=code, first=sum(by_band), named=named, mean_gap=mean, first_by_band=by_band))
    return sorted(found, key=lambda each: -each.first)


# Against the run before.


def _manifest_before(before: Folder) -> Manifest:
    with in_words(before):
        manifest = read_manifest(Output(before))
    if manifest is None:
        raise RescoreRefused(f"{before} holds no finished run to compare with")
    return manifest


def _same_bands(before: Folder, card: Scorecard) -> bool:
    """Whether the bands of that run begin where this card's do, under the same names."""
    document = Output(before).read(CARD)
    try:
        return document is not None and bool(card.bands) and parse(document).bands == card.bands
    except CardError:
        return False


def _bands_before(before: Folder, card: Scorecard) -> dict[str, float] | None:
    tally = _manifest_before(before).tally
    if not tally.scored or not _same_bands(before, card):
        return None
    names = [band.name for band in card.bands or ()]
    return {name: rows / tally.scored for name, rows in zip(names, tally.bands, strict=True)}


def _against(card: Scorecard, manifest: Manifest, matched: _Rows | None, before: Folder) -> Against:
    earlier = _manifest_before(before)
    old, new = earlier.tally, manifest.tally
    same_bands = _same_bands(before, card)
    names = [band.name for band in card.bands or ()] if same_bands else ["scored"]
    places = [*names, "without a score", "not there"]
    pairs = None if matched is None or earlier.rows > MATCHED_ROWS_MAX else _pairs(matched, Output(before), earlier)
    return Against(
        card=earlier.card,
        as_of=earlier.settings["as_of"],
        psi=stability(old, new),
        why_no_psi=not_comparable(old, new),
        psi_of_bands=psi(np.array(old.bands), np.array(new.bands))
        if same_bands and old.scored and new.scored
        else None,
        step=old.step,
        mean=_mean(old),
        places=places,
        migration=None if pairs is None else pairs.migration(card if same_bands else None),
        matched=None if pairs is None else pairs.matched,
        repeated_wallets=None if pairs is None else pairs.repeated_before,
        risers=[] if pairs is None else pairs.movers(-1),
        fallers=[] if pairs is None else pairs.movers(1),
    )


def _pairs(matched: _Rows, before: Output, earlier: Manifest) -> "_Matched | None":
    new_wallets, new = matched
    with in_words(before.folder):
        old_wallets, old = scores_of(before, earlier)
    new_wallets, old_wallets = comparable(new_wallets, old_wallets)
    if new_wallets is None:
        return None
    found = pc.index_in(new_wallets, value_set=old_wallets)
    place = found.fill_null(-1).to_numpy().astype(np.int64)
    return _Matched(new_wallets, new, old, place, first_places(old_wallets))


class _Matched:
    """Two runs side by side. `place` (n,): where each wallet of this run comes first in the one before, -1 where it is not. `first` (m,):
    where each wallet of the run before comes first in it."""

    def __init__(
        self,
        wallets: pa.ChunkedArray,
        new: NDArray[np.int64],
        old: NDArray[np.int64],
        place: NDArray[np.int64],
        first: NDArray[np.int64],
    ) -> None:
        self._wallets = wallets
        self._new, self._old = new, old
        self._place = place
        self._there = np.flatnonzero(place >= 0)
        self._first = first
        self.matched = len(self._there)
        self.repeated_before = repeated(first)

    def migration(self, card: Scorecard | None) -> list[list[int]]:
        """Rows by where their wallet was and where it is. Gone are those before whose wallet is not in this run."""
        lows = np.array([band.low for band in card.bands or ()] if card else [NO_SCORE + 1])
        count = len(lows) + 2

        def places(scores: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.where(scores == NO_SCORE, len(lows), np.searchsorted(lows, scores, side="right") - 1)

        before = np.full(len(self._new), len(lows) + 1)
        before[self._there] = places(self._old[self._place[self._there]])
        grid = np.bincount(before * count + places(self._new), minlength=count * count).reshape(count, count)
        gone = np.ones(len(self._old), np.bool_)
        gone[self._place[self._there]] = False
        grid[:, -1] += np.bincount(places(self._old[gone[self._first]]), minlength=count)
        rows: list[list[int]] = grid.tolist()
        return rows

    def movers(self, sign: int) -> list[Mover]:
        """Those whose score rose (-1) or fell (1) most; of equal ones the first."""
        old, new = self._old[self._place[self._there]], self._new[self._there]
        both = (old != NO_SCORE) & (new != NO_SCORE)
        change = np.where(both, (new - old) * sign, 0)
        order = np.argsort(change, kind="stable")[:MOVERS]
        found = []
        for at in order.tolist():
            if change[at] < 0:
                wallet = self._wallets[int(self._there[at])].as_py()
                named = wallet.hex() if isinstance(wallet, bytes) else str(wallet)
                found.append(Mover(wallet=named, before=int(old[at]), now=int(new[at])))
        return found
