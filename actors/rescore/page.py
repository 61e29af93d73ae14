"""The report as one HTML file that needs nothing else.

Tables, and bars as inline SVG. The same report gives the same bytes.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

import msgspec

from actors.rescore.outcomes import Outcomes
from actors.rescore.output import Output
from actors.rescore.refusals import in_words
from actors.rescore.report import Against, Mover, ReportInputs, RescoreReport, report_of
from actors.rescore.run import Manifest
from models.scorecard import Scorecard

WIDTH, HEIGHT = 760, 180
REASONS_SHOWN: Final = 20
PSI_STABLE, PSI_OTHER = 0.1, 0.25
"""The field's rule of thumb."""
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.2rem .7rem;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}code{background:#f3f3f3;overflow-wrap:anywhere}
"""


def page(report: RescoreReport) -> str:
    """The whole page, as one HTML text."""
    title = escape(f"Scores by {report.card['name']} version {report.card['version']}")
    against = "" if report.against is None else _against(report.against)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head><body>'
        f"<h1>{title}</h1>{_summary(report)}"
        f"<h2>Distribution</h2>{_bars(report)}"
        f"<h2>Bands</h2>{_bands(report)}"
        f"{against}{'' if report.outcomes is None else _outcomes(report.outcomes)}"
        f"<h2>Reasons</h2>{_reasons(report)}"
        f"<h2>Not available</h2>{_table(('cause', 'rows'), ((name, f'{rows:,}') for name, rows in report.causes.items()))}"
        f"</body></html>\n"
    )


def write_report(card: Scorecard, output: Output, manifest: Manifest, given: ReportInputs) -> RescoreReport:
    """Write the report beside the manifest, as JSON and as a page. Raises RescoreRefused as `report_of` does, and for lack of room."""
    made = report_of(card, output, manifest, given)
    with in_words(output.folder):
        output.folder.write("report.json", msgspec.json.format(msgspec.json.encode(made)))
        output.folder.write("report.html", page(made).encode())
    return made


def _summary(report: RescoreReport) -> str:
    quantiles = ", ".join(f"{share}: {score}" for share, score in report.quantiles.items())
    rows = [
        ("Rows", f"{report.rows:,}"),
        ("scored + bad + not available", f"{report.scored:,} + {report.bad:,} + {report.not_available:,}"),
        ("Mean, lowest, highest", f"{_mean(report)}, {_score(report.lowest)}, {_score(report.highest)}"),
        ("Quantiles", quantiles or "-"),
        ("Recomputed in plain Python, all equal", f"{report.checked:,}"),
        ("SHA-256 of the card", str(report.card["hash"])),
    ]
    if report.step > 1:
        rows.append(
            ("Lowest, highest and quantiles", f"low ends of bins of {report.step} scores, as the card's range is wide")
        )
    if report.repeated_wallets is not None:
        rows.append(("Wallets that come more than once", f"{report.repeated_wallets:,}"))
    rows += [
        (f"{name}: categories that the card does not name", f"{count:,}") for name, count in report.unknown.items()
    ]
    return _table((), rows)


def _bars(report: RescoreReport) -> str:
    most = max((bar.rows for bar in report.distribution), default=0) or 1
    width = WIDTH / max(len(report.distribution), 1)
    drawn = []
    for at, bar in enumerate(report.distribution):
        height = HEIGHT * bar.rows / most
        drawn.append(
            f'<rect x="{at * width:.2f}" y="{HEIGHT - height:.2f}" width="{width - 1:.2f}" height="{height:.2f}" fill="#3d5a80">'
            f"<title>from {bar.low}: {bar.rows:,}</title></rect>"
        )
    ends = (report.distribution[0].low, report.distribution[-1].low) if report.distribution else (0, 0)
    texts = f'<text x="0" y="{HEIGHT + 16}">{ends[0]}</text><text x="{WIDTH}" y="{HEIGHT + 16}" text-anchor="end">{ends[1]}</text>'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 20}" role="img" aria-label="rows by score">{"".join(drawn)}{texts}</svg>'
    )


def _bands(report: RescoreReport) -> str:
    rows = (
        (band.name, f"{band.rows:,}", f"{band.share:.2%}", "-" if band.before is None else f"{band.before:.2%}")
        for band in report.bands
    )
    return _table(("band", "rows", "share", "before"), rows)


def _reasons(report: RescoreReport) -> str:
    if not report.reasons:
        return "<p>Reasons were not asked for.</p>"
    names = [band.name for band in report.bands] if len(report.bands) > 1 else []
    rows = (
        (
            each.code,
            f"{each.first:,}",
            f"{each.named:,}",
            f"{each.mean_gap:.1f}",
            *(f"{count:,}" for count in each.first_by_band[: len(names)]),
        )
        for each in report.reasons[:REASONS_SHOWN]
    )
    table = _table(("reason", "first", "named", "mean gap", *names), rows)
    return f"<p>Of scored rows: how often a reason is the first, and by band.</p>{table}"


def _against(against: Against) -> str:
    rows = [
        ("Card before", f"{against.card['name']} version {against.card['version']}, {against.card['hash']}"),
        ("Mean before", _mean(against)),
        ("PSI over tenths of the scores before", psi_in_words(against)),
        ("PSI over bands", "-" if against.psi_of_bands is None else f"{against.psi_of_bands:.4f}"),
    ]
    moved = "<p>Too many wallets to match, or other types of them: no moves.</p>"
    if against.migration is not None:
        grid = (
            (place, *(f"{count:,}" for count in row))
            for place, row in zip(against.places, against.migration, strict=True)
        )
        moved = (
            f"<p>{against.matched:,} rows have a wallet that was there before. A row of the table is where they were, a column where "
            f"they are; of wallets that came more than once before, which were {against.repeated_wallets:,}, the first counts. "
            "Who is not there now may be among the bad rows.</p>"
            f"{_table(('', *against.places), grid)}{_movers('rose', against.risers)}{_movers('fell', against.fallers)}"
        )
    return f"<h2>Against the run before</h2>{_table((), rows)}{moved}"


def psi_in_words(against: Against) -> str:
    """The figure with what the field's rule of thumb says of it, or why it is not known."""
    if against.psi is None:
        return f"not known: {against.why_no_psi}"
    verdict = "no change to speak of"
    if against.psi >= PSI_STABLE:
        verdict = "a change to look into" if against.psi < PSI_OTHER else "another population or another card"
    return f"{against.psi:.4f}: {verdict}"


def _score(value: int | None) -> str:
    return "-" if value is None else f"{value}"


def _mean(of: RescoreReport | Against) -> str:
    """To one place; how far off it may be where bins have several scores."""
    if of.mean is None:
        return "-"
    return f"{of.mean:.1f}" + (f" ± {(of.step - 1) / 2:.1f}" if of.step > 1 else "")


def _outcomes(outcomes: Outcomes) -> str:
    def shown(value: float | None) -> str:
        return "too few" if value is None else f"{value:.4f}"

    rows = [
        ("Wallets with an outcome and a score, of them bad", f"{outcomes.rows:,}, {outcomes.bads:,}"),
        ("With an outcome, without a score", f"{outcomes.without_score:,}"),
        ("Gini, KS", f"{shown(outcomes.gini)}, {shown(outcomes.ks)}"),
    ]
    weeks = ((each.week, f"{each.rows:,}", f"{each.bads:,}", shown(each.gini)) for each in outcomes.weeks)
    return f"<h2>Outcomes</h2>{_table((), rows)}{_table(('week', 'rows', 'bad', 'Gini'), weeks)}"


def _movers(how: str, movers: Sequence[Mover]) -> str:
    rows = ((each.wallet, f"{each.before}", f"{each.now}", f"{each.now - each.before:+}") for each in movers)
    return f"<h3>{how.capitalize()} most</h3>{_table(('wallet', 'before', 'now', 'change'), rows)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    first = f"<tr>{''.join(f'<th>{escape(text)}</th>' for text in head)}</tr>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return f"<table>{first}{body}</table>"
