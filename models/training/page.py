"""A training report as one HTML file that needs nothing else: tables, and plots as inline SVG.

It shows the report's figures only.

The same report gives the same bytes: the plots carry no date and no random names.
"""

import io
import warnings
from collections.abc import Callable
from html import escape
from typing import Any, Final

import numpy as np

from models.training.additive import TURN_ROWS_MIN, TURN_SHARE
from models.training.cutting import STRAIGHT
from models.training.extra import optional_module
from models.training.report import CharacteristicReport, TrainingReport
from models.training.segments import Part

PLOT_SIZE: Final = (5.2, 3.4)
"""Inches."""
GOOD_COLOUR, BAD_COLOUR, PLAIN_COLOUR = "#2a7f62", "#c8553d", "#3d5a80"
WOE_PLOTS_MAX: Final = 30
CORRELATIONS_MAX: Final = 30

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.2rem .7rem;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}.plots{display:flex;flex-wrap:wrap;gap:1rem}svg{max-width:100%;height:auto}
svg text{font-family:system-ui,sans-serif!important}
code{background:#f3f3f3;padding:0 .3em;overflow-wrap:anywhere}details{margin:.4rem 0}
"""


def page(report: TrainingReport) -> str:
    """The whole file. Raises MissingExtra without matplotlib."""
    title = escape(f"{report.card} version {report.version}")
    characteristics = "".join(_characteristic(item) for item in report.characteristics)
    woe_plots = "".join(_plot(_woe_plot(item)) for item in report.characteristics[:WOE_PLOTS_MAX])
    plots = (_roc_plot, _ks_plot, _calibration_plot, _distribution_plot, _iv_plot, _psi_plot)
    drawn = "".join(_plot(_drawer(plot, report)) for plot in plots)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head><body>'
        f"<h1>{title}</h1>{_summary(report)}<div class=plots>{drawn}</div>"
        f"<h2>Bands</h2><p>Bands begin where the card says the odds are so; what was observed is on held-out rows.</p>{_bands(report)}"
        f"<h2>Cut-offs</h2><p>What follows from accepting held-out rows from a score on.</p>{_cutoffs(report)}"
        f"<h2>Gains</h2><p>Tenths of the held-out rows, the lowest scores first.</p>{_gains(report)}"
        f"<h2>Held-out folds</h2>{_folds(report)}"
        f"{_parts(report)}"
        f"<h2>Characteristics</h2>{_overview(report)}{characteristics}<div class=plots>{woe_plots}</div>"
        f"<h2>Correlation</h2><p>Of the weights of evidence.</p>{_correlations(report)}"
        f"<h2>Looked wrong, or was taken for something else</h2>{_notes(report)}"
        f"<h2>Left out</h2>{_left_out(report)}</body></html>\n"
    )


def _summary(report: TrainingReport) -> str:
    rows = [
        ("Rows, of them bad", f"{report.rows:,}, {report.bads:,} ({report.bads / report.rows:.2%})"),
        (
            "AUC on held-out folds",
            f"{report.auc:.4f} ± {report.auc_sd:.4f} (on the rows of training {report.training_auc:.4f})",
        ),
        ("Gini, KS on held-out folds", f"{report.gini:.4f}, {report.ks:.4f}"),
        ("Range, points to double the odds", f"{report.range[0]} to {report.range[1]}, {report.pdo:.1f}"),
        ("PSI of the score", f"{report.score_psi:.4f}: {escape(report.psi_of)}"),
        ("Target", f"{escape(report.settings.target)}; folds {report.settings.folds}, seed {report.settings.seed}"),
        ("Bins, as cross-validation chose", _made(report)),
        ("SHA-256 of the card", f"<code>{report.hash}</code>"),
    ]
    for override in report.settings.overrides:
        rows.append((f"Prohibited input {escape(override.feature)} used", escape(override.because)))
    return _table((), rows)


def _bands(report: TrainingReport) -> str:
    rows = [
        (
            escape(band.name),
            f"{band.low}",
            f"{band.rows:,}",
            f"{band.rows / report.rows:.1%}",
            f"{band.bads:,}",
            "-" if band.odds is None else f"{band.odds:.1f}",
            f"{band.odds_at_low:.1f}",
        )
        for band in report.bands
    ]
    return _table(("band", "from", "rows", "share", "bad", "good:bad observed", "good:bad at its beginning"), rows)


def _made(report: TrainingReport) -> str:
    least = f"at least {report.plan.share:.0%} of the rows in each"
    if not report.plan.additive:
        return f"risk may {_listed(report.plan.shapes)}; {least}"
    turns = (
        "no turns"
        if report.plan.shapes == STRAIGHT
        else f"{TURN_SHARE:.0%} of them and {TURN_ROWS_MIN} rows between two turns"
    )
    return f"boosted functions of one column each, averaged with weights of evidence; {least}, {turns}"


def _listed(shapes: tuple[str, ...]) -> str:
    words = {"rise": "rise", "fall": "fall", "peak": "have one peak", "valley": "have one valley"}
    return ", ".join(words[shape] for shape in shapes[:-1]) + " or " + words[shapes[-1]]


def _parts(report: TrainingReport) -> str:
    """By segment and by week, where they were asked for."""
    found = []
    for segment in report.segments:
        found.append(f"<h2>By {escape(segment.feature)}</h2><p>Held-out rows.</p>{_part_table(segment.parts)}")
    if report.weeks is not None:
        weeks = report.weeks
        text = "Fewer than three weeks have an AUC."
        if weeks.slope is not None and weeks.slope_error is not None and weeks.spread is not None:
            text = f"AUC changes by {weeks.slope:+.5f} ± {weeks.slope_error:.5f} a week; its spread over weeks is {weeks.spread:.4f}."
        found.append(
            f"<h2>By week of {escape(weeks.feature)}</h2><p>Held-out rows. {text}</p>{_part_table(weeks.parts)}"
        )
    return "".join(found)


def _part_table(parts: tuple[Part, ...]) -> str:
    rows = [
        (
            escape(each.name),
            f"{each.rows:,}",
            f"{each.bads:,}",
            "-" if each.auc is None else f"{each.auc:.4f}",
            f"{each.predicted:.2%}",
            f"{each.observed:.2%}",
        )
        for each in parts
    ]
    return _table(("", "rows", "bad", "AUC", "bad rate predicted", "observed"), rows)


def _cutoffs(report: TrainingReport) -> str:
    rows = [
        (
            f"{each.score}",
            f"{each.accepted:.1%}",
            f"{each.accepted_good:.1%}",
            f"{each.accepted_bad:.1%}",
            "-" if each.bad_rate is None else f"{each.bad_rate:.2%}",
        )
        for each in report.cutoffs
    ]
    return _table(("from score", "accepted", "of the good", "of the bad", "bad rate of the accepted"), rows)


def _gains(report: TrainingReport) -> str:
    rows = [
        (
            f"{each.score_min} to {each.score_max}",
            f"{each.rows:,}",
            f"{each.bads:,}",
            f"{each.observed:.2%}",
            f"{each.predicted:.2%}",
            f"{each.captured:.1%}",
            f"{each.lift:.2f}",
        )
        for each in report.calibration
    ]
    head = ("scores", "rows", "bad", "bad rate", "bad rate the score says", "bad rows so far", "lift")
    return _table(head, rows)


def _overview(report: TrainingReport) -> str:
    rows = [
        (
            escape(item.feature),
            escape(item.reason),
            f"{item.first:.1%}",
            f"{item.iv:.3f}",
            f"{item.coefficient:.3f}",
            f"{item.error:.3f}",
            "-" if item.closest is None else f"{item.correlation:+.2f} ({escape(item.closest)})",
        )
        for item in report.characteristics
    ]
    head = (
        "characteristic",
        "reason code",
        "first reason of rows",
        "IV",
        "coefficient",
        "standard error",
        "correlation",
    )
    return _table(head, rows)


def _correlations(report: TrainingReport) -> str:
    """Numbered, so that a table of many columns can be read."""
    shown = report.characteristics[:CORRELATIONS_MAX]
    rows = [
        (f"{at} {escape(item.feature)}", *(f"{each:.2f}" for each in report.correlations[at - 1][: len(shown)]))
        for at, item in enumerate(shown, start=1)
    ]
    return _table(("", *(f"{at}" for at in range(1, len(shown) + 1))), rows)


def _notes(report: TrainingReport) -> str:
    return "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in report.notes) + "</ul>"


def _folds(report: TrainingReport) -> str:
    rows = [
        (f"{at}", f"{fold.rows:,}", f"{fold.bads:,}", f"{fold.auc:.4f}", f"{fold.gini:.4f}", f"{fold.ks:.4f}")
        for at, fold in enumerate(report.folds, start=1)
    ]
    return _table(("fold", "rows", "bad", "AUC", "Gini", "KS"), rows)


def _characteristic(item: CharacteristicReport) -> str:
    rows = [
        (
            escape(each.label),
            f"{each.rows:,}",
            f"{each.share:.1%}",
            f"{each.bads:,}",
            "-" if each.bad_rate is None else f"{each.bad_rate:.2%}",
            f"{each.woe:+.3f}",
            f"{each.iv:.4f}",
            f"{each.points}",
        )
        for each in item.bins
    ]
    head = f"{escape(item.feature)} · IV {item.iv:.3f} · coefficient {item.coefficient:.3f} ± {item.error:.3f} · PSI {item.psi:.4f}"
    table = _table(("bin", "rows", "share", "bad", "bad rate", "WOE", "IV", "points"), rows)
    return f"<details open><summary>{head}</summary>{table}</details>"


def _left_out(report: TrainingReport) -> str:
    return _table(("column", "why"), [(escape(item.feature), escape(item.why)) for item in report.left_out])


def _table(head: tuple[str, ...], rows: list[Any]) -> str:
    top = "<tr>" + "".join(f"<th>{name}</th>" for name in head) + "</tr>" if head else ""
    return (
        f"<table>{top}" + "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows) + "</table>"
    )


def _drawer(plot: Callable[[Any, TrainingReport], None], report: TrainingReport) -> Callable[[Any], None]:
    return lambda axes: plot(axes, report)


def _plot(draw: Callable[[Any], None]) -> str:
    """A plot as SVG."""
    matplotlib, figures = optional_module("matplotlib"), optional_module("matplotlib.figure")
    with matplotlib.rc_context({"svg.hashsalt": "shardpay", "svg.fonttype": "none", "font.size": 9}):
        figure = figures.Figure(figsize=PLOT_SIZE, layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        text = io.StringIO()
        with warnings.catch_warnings():
            # Names are written as text, which the reader's fonts show; that ours lack a sign does not matter.
            warnings.filterwarnings("ignore", message="Glyph")
            figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def _roc_plot(axes: Any, report: TrainingReport) -> None:
    axes.plot([0, *report.curve.good], [0, *report.curve.bad], color=PLAIN_COLOUR)
    axes.plot([0, 1], [0, 1], color="#bbb", linewidth=0.8)
    axes.set(
        title=f"ROC, held-out rows: mean AUC {report.auc:.3f}", xlabel="share of good rows", ylabel="share of bad rows"
    )


def _ks_plot(axes: Any, report: TrainingReport) -> None:
    curve = report.curve
    axes.plot(curve.score, curve.good, color=GOOD_COLOUR, label="good")
    axes.plot(curve.score, curve.bad, color=BAD_COLOUR, label="bad")
    at = int(np.argmax(np.array(curve.bad) - np.array(curve.good)))
    axes.vlines(curve.score[at], curve.good[at], curve.bad[at], color="#555", linestyle=":")
    axes.set(title=f"KS, held-out rows: mean {report.ks:.3f}", xlabel="score", ylabel="share at or below")
    axes.legend(loc="upper left")


def _calibration_plot(axes: Any, report: TrainingReport) -> None:
    predicted = [each.predicted for each in report.calibration]
    observed = [each.observed for each in report.calibration]
    most = max(*predicted, *observed)
    axes.plot([0, most], [0, most], color="#bbb", linewidth=0.8)
    axes.plot(predicted, observed, "o-", color=PLAIN_COLOUR)
    axes.set(
        title="Calibration by tenths of held-out rows", xlabel="bad rate the score says", ylabel="bad rate observed"
    )


def _distribution_plot(axes: Any, report: TrainingReport) -> None:
    low = np.array(report.distribution.low)
    width = np.diff(low)
    axes.bar(low[:-1], report.distribution.good, width, align="edge", color=GOOD_COLOUR, label="good")
    axes.bar(low[:-1], report.distribution.bad, width, align="edge", color=BAD_COLOUR, alpha=0.7, label="bad")
    for band in report.bands[1:]:
        axes.axvline(band.low, color="#555", linestyle=":", linewidth=0.8)
    axes.set(title="Held-out rows by score, and where bands begin", xlabel="score", ylabel="rows")
    axes.legend(loc="upper left")


def _iv_plot(axes: Any, report: TrainingReport) -> None:
    _bars(axes, report, [item.iv for item in report.characteristics])
    axes.set(title="Information value")


def _psi_plot(axes: Any, report: TrainingReport) -> None:
    _bars(axes, report, [item.psi for item in report.characteristics])
    axes.set(title="PSI: " + report.psi_of)


def _bars(axes: Any, report: TrainingReport, values: list[float]) -> None:
    names = [_short(item.feature) for item in report.characteristics]
    axes.barh(range(len(values)), values, color=PLAIN_COLOUR)
    axes.set_yticks(range(len(values)), names, fontsize=7)
    axes.invert_yaxis()


def _woe_plot(item: CharacteristicReport) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        bins = [each for each in item.bins if each.rows or each.label != "missing"]
        colours = [GOOD_COLOUR if each.woe >= 0 else BAD_COLOUR for each in bins]
        axes.bar(range(len(bins)), [each.woe for each in bins], color=colours)
        axes.axhline(0, color="#555", linewidth=0.8)
        axes.set_xticks(range(len(bins)), [_short(each.label) for each in bins], rotation=30, ha="right", fontsize=7)
        axes.set(title=f"WOE: {_short(item.feature)}")

    return draw


def _short(text: str) -> str:
    """For labels of plots: dollar signs would be taken for formulas."""
    text = text.replace("$", "\\$")
    return text if len(text) <= 28 else text[:27] + "…"
