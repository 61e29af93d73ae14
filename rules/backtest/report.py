"""The report of a backtest, made of counts alone.

So parts may be counted anywhere.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.wording import counted
from rules.backtest.became import BECAME, BecameTally
from rules.backtest.counts import ACTIONS, UNDECIDED, Tally, whole
from rules.decisions.decision import Action
from rules.decisions.pack import Pack
from rules.vocabulary.currencies import ALPHA

OVERLAPS_MAX: Final = 50
"""Pairs of rules that a report names, the most frequent first."""

Amounts = dict[str, int]
"""Minor units by currency."""

Became = dict[str, int]
"""Attempts by what became of them: kept, declined, refunded, fraud (by their label)."""

_NAMES: Final = {**{int(action): action.name.lower() for action in Action}, UNDECIDED: "undecided"}


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts with this decision recorded and that decision now. "undecided": recorded without a scorer's decision. `became`: what became
    of them, None where that is not known."""

    recorded: str
    now: str
    attempts: int
    amounts: Amounts
    became: Became | None = None


class RuleHits(msgspec.Struct, frozen=True, kw_only=True):
    """`alone`: no other rule fired. `not_evaluated`: it had no value, so it did not fire. `precision`: share of labelled hits whose label
    is true, None when no hit has a label."""

    id: str
    action: str
    live: bool
    hits: int
    share: float
    alone: int
    not_evaluated: int
    amounts: Amounts
    precision: float | None
    became: Became | None = None


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """Two rules that fired on the same attempts."""

    rules: tuple[str, str]
    attempts: int


class LabelAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """How decisions other than approve agree with the labels. `found` of `true` attempts that are labelled true, with their amounts."""

    flagged: int
    true: int
    found: int
    precision: float | None
    recall: float | None
    amounts_true: Amounts
    amounts_found: Amounts


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """Against the labels: this pack, and what was recorded."""

    attempts: int
    now: LabelAgreement
    recorded: LabelAgreement


class BacktestReport(msgspec.Struct, frozen=True, kw_only=True):
    """`changed`: attempts that a scorer decided otherwise."""

    pack: str
    attempts: int
    amounts: Amounts
    changed: int
    decisions: list[Change]
    rules: list[RuleHits]
    overlaps: list[Overlap]
    labels: Labelled | None


def report(pack: Pack, tally: Tally, became: BecameTally | None = None) -> BacktestReport:
    """All of it. `became`: what became of the attempts, where that is known."""
    attempts = int(tally.actions.sum())
    return BacktestReport(
        pack=pack.name,
        attempts=attempts,
        amounts=_amounts(tally.amounts.sum(axis=(1, 2))),
        changed=int(sum(tally.actions[before, now] for before, now in _pairs() if before not in (now, UNDECIDED))),
        decisions=[
            Change(
                recorded=_NAMES[before],
                now=_NAMES[now],
                attempts=int(tally.actions[before, now]),
                amounts=_amounts(tally.amounts[:, before, now]),
                became=None if became is None else _became(became.decisions[before, now]),
            )
            for before, now in _pairs()
            if tally.actions[before, now]
        ],
        rules=[_rule(pack, tally, place, attempts, became) for place in range(len(pack.rules))],
        overlaps=_overlaps(pack, tally),
        labels=_labelled(tally) if tally.labels.any() else None,
    )


def _pairs() -> list[tuple[int, int]]:
    return [(before, now) for before in range(ACTIONS + 1) for now in range(ACTIONS)]


def _became(counts: NDArray[np.int64]) -> Became:
    return dict(zip(BECAME, counts.tolist(), strict=True))


def _rule(pack: Pack, tally: Tally, place: int, attempts: int, became: BecameTally | None) -> RuleHits:
    rule, labels = pack.rules[place], tally.hit_labels[place]
    return RuleHits(
        id=rule.id,
        action=rule.action.name.lower(),
        live=rule.live,
        hits=int(tally.hits[place]),
        share=_share(int(tally.hits[place]), attempts) or 0.0,
        alone=int(tally.alone[place]),
        not_evaluated=int(tally.not_evaluated[place]),
        amounts=_amounts(tally.hit_amounts[:, place]),
        precision=_share(int(labels[1]), int(labels.sum())),
        became=None if became is None else _became(became.hits[place]),
    )


def _overlaps(pack: Pack, tally: Tally) -> list[Overlap]:
    above = np.triu(tally.overlap, 1)
    order = np.argsort(-above, axis=None, kind="stable")[:OVERLAPS_MAX]
    places = zip(*np.unravel_index(order, above.shape), strict=True)
    pairs = [(int(one), int(other)) for one, other in places if above[one, other]]
    return [
        Overlap(rules=(pack.rules[one].id, pack.rules[other].id), attempts=int(above[one, other]))
        for one, other in pairs
    ]


def _labelled(tally: Tally) -> Labelled:
    amounts = tally.labelled_amounts
    decided = tally.labels[:UNDECIDED]
    return Labelled(
        attempts=int(tally.labels.sum()),
        now=_found(tally.labels.sum(axis=0), amounts.sum(axis=1)),
        recorded=_found(decided.sum(axis=1), amounts[:, :UNDECIDED].sum(axis=2)),
    )


def _found(labels: NDArray[np.int64], amounts: NDArray[np.int64]) -> LabelAgreement:
    """`labels` (action, label), `amounts` (currency, action, label, part)."""
    flagged, true = int(labels[1:].sum()), int(labels[:, 1].sum())
    found = int(labels[1:, 1].sum())
    return LabelAgreement(
        flagged=flagged,
        true=true,
        found=found,
        precision=_share(found, flagged),
        recall=_share(found, true),
        amounts_true=_amounts(amounts[:, :, 1].sum(axis=1)),
        amounts_found=_amounts(amounts[:, 1:, 1].sum(axis=1)),
    )


def _share(part: int, of: int) -> float | None:
    return round(part / of, 6) if of else None


def _amounts(parts: NDArray[np.int64]) -> Amounts:
    """Sums by currency of parts (currency, 2); only currencies in use."""
    used = np.flatnonzero(parts.any(axis=1))
    return {ALPHA.get(int(number), f"{number:03}"): whole(parts[number]) for number in used}


def render(report: BacktestReport, seconds: float) -> str:
    """For people."""
    lines = [
        f"{report.pack}: {counted(report.attempts, 'attempt')}, {report.changed:,} decided otherwise than recorded, "
        f"{report.attempts / seconds:,.0f}/s"
    ]
    lines += [f"  {c.recorded:>9} -> {c.now:<9} {c.attempts:>12,}  {_sums(c.amounts)}" for c in report.decisions]
    lines += [
        f"  rule {r.id} ({r.action}{'' if r.live else ', shadow'}): {counted(r.hits, 'hit')} ({r.share:.4%}), {r.alone:,} alone, "
        f"{r.not_evaluated:,} not evaluated{'' if r.precision is None else f', precision {r.precision:.1%}'}  {_sums(r.amounts)}"
        for r in report.rules
    ]
    lines += [f"  {o.rules[0]} and {o.rules[1]}: {counted(o.attempts, 'attempt')}" for o in report.overlaps]
    if report.labels is not None:
        for name, found in (("now", report.labels.now), ("recorded", report.labels.recorded)):
            lines.append(
                f"  labels, {name}: {found.found:,} of {found.true:,} found, {found.flagged:,} flagged, precision "
                f"{_percent(found.precision)}, recall {_percent(found.recall)}; {_sums(found.amounts_found)} of {_sums(found.amounts_true)}"
            )
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.2%}"


def _sums(amounts: Amounts) -> str:
    return ", ".join(f"{amount:,} {currency}" for currency, amount in amounts.items()) or "nothing"
