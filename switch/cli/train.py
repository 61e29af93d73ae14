"""`shardpay train`: train a scorecard from a table and report what it is worth.

Wrong options and files are refused before anything is trained, and no input is overwritten.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from models.wording import counted
from switch.cli.options import as_text, json_option, progress_bar
from switch.cli.table_options import INPUT_FILE, csv_options, refuse_writing_over, table_format

RANGE_MAX: Final = 100_000
"""Far within what the points of a card can be."""


def _specials(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, float], ...]:
    found = []
    for value in values:
        name, _, number = value.rpartition("=")
        try:
            found.append((name, float(number)))
        except ValueError:
            raise click.BadParameter("give VALUE or COLUMN=VALUE, as in -999 or income=-1") from None
    return tuple(found)


def _range(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    low, _, high = value.partition(":")
    try:
        limits = int(low), int(high)
    except ValueError:
        raise click.BadParameter("give LOW:HIGH, as in 350:950") from None
    if limits[0] >= limits[1]:
        raise click.BadParameter("LOW lies below HIGH")
    if max(map(abs, limits)) > RANGE_MAX:
        raise click.BadParameter(f"both lie within +-{RANGE_MAX:,}")
    return limits


def _overrides(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    pairs = [value.partition("=") for value in values]
    if not all(name and because.strip() for name, _, because in pairs):
        raise click.BadParameter("give COLUMN=why it may be used")
    return tuple((name, because.strip()) for name, _, because in pairs)


def _odds(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    try:
        odds = None if value is None else tuple(float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter("give odds with commas between, as in 1.5,3,6,12") from None
    if odds is not None and (min(odds) <= 0 or list(odds) != sorted(set(odds))):
        raise click.BadParameter("odds are above zero and increase")
    return odds


_OPTIONS: Final = (
    click.option("--input", "source", type=INPUT_FILE, required=True, help="Parquet, or CSV with a line of names."),
    click.option("--target", metavar="COLUMN", required=True, help="The outcome: 1 is bad, unless --bad says else."),
    click.option("--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The card's file."),
    click.option("--bad", metavar="VALUE", help="Value of the target that means bad."),
    click.option(
        "--good",
        metavar="VALUE",
        help="Value that means good; with --bad too, rows that are neither are left out.",
    ),
    click.option("--weight", metavar="COLUMN", help="How many rows each row stands for."),
    click.option(
        "--special",
        metavar="[COLUMN=]VALUE",
        multiple=True,
        callback=_specials,
        help="A number that stands for something else and gets a bin of its own, as -999; may be repeated.",
    ),
    click.option(
        "--max-categories",
        type=click.IntRange(2, 4_096),
        default=4_096,
        show_default=True,
        help="A column of text with more is left out.",
    ),
    csv_options,
    click.option("--exclude", metavar="COLUMN", multiple=True, help="Leave a column out; may be repeated."),
    click.option(
        "--segment", "segments", metavar="COLUMN", multiple=True, help="Report by its values; may be repeated."
    ),
    click.option("--time", metavar="COLUMN", help="Dates or times: report by week; not trained on."),
    click.option(
        "--allow-prohibited",
        "overrides",
        metavar="COLUMN=WHY",
        multiple=True,
        callback=_overrides,
        help="Use a column that is refused by its name; the card and the report say why.",
    ),
    click.option(
        "--range",
        "limits",
        metavar="LOW:HIGH",
        callback=_range,
        help="Worst and best score, hit exactly [default: 350:950].",
    ),
    click.option(
        "--pdo", type=click.FloatRange(0, min_open=True), help="Points to double the odds, instead of --range."
    ),
    click.option(
        "--points", type=float, default=600, show_default=True, help="With --pdo: the score that means --odds."
    ),
    click.option(
        "--odds",
        type=click.FloatRange(0, min_open=True),
        default=30,
        show_default=True,
        help="With --pdo: good:bad.",
    ),
    click.option("--band-odds", metavar="ODDS,...", callback=_odds, help="Good:bad odds at which a band begins."),
    click.option(
        "--method",
        type=click.Choice(["logistic", "additive", "auto"]),
        default="auto",
        show_default=True,
        help="logistic: weights of evidence in a regression; additive: these and boosted functions of one column, averaged; auto: the "
        "better one by cross-validation, some five times as long as logistic alone.",
    ),
    click.option("--rising", metavar="COLUMN", multiple=True, help="Risk may only rise with it; may be repeated."),
    click.option("--falling", metavar="COLUMN", multiple=True, help="Risk may only fall with it; may be repeated."),
    click.option(
        "--trend",
        type=click.Choice(["auto", "monotonic"]),
        default="auto",
        show_default=True,
        help="auto: up, down, one peak or one valley where cross-validation shows it; monotonic: up or down.",
    ),
    click.option(
        "--unknown",
        type=click.Choice(["neutral", "worst", "error"]),
        default="neutral",
        show_default=True,
        help="What a category gets that training did not see.",
    ),
    click.option("--iv-min", type=click.FloatRange(0), default=0.0, show_default=True, help="Least information value."),
    click.option("--folds", type=click.IntRange(2, 50), default=5, show_default=True, help="Held-out folds."),
    click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=42, show_default=True, help="Of the folds."),
    click.option("--compare", type=INPUT_FILE, help="Rows to measure stability (PSI) against, of a later month, say."),
    click.option("--name", help="Name of the card [default: that of its file]."),
    click.option("--version", type=click.IntRange(1, 2**31 - 1), default=1, show_default=True, help="Of the card."),
)
"""All of `train`, in the order that --help shows."""


def _train_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("train", epilog="Example: shardpay train --input loans.parquet --target defaulted --output card.json")
@_train_options
@json_option
def train_command(source: Path, output: Path, compare: Path | None, as_json: bool, **options: Any) -> None:
    """Train a scorecard. Beside it goes a report, as HTML and as JSON: card.report.html, card.report.json.

    Needs the extra: .venv/bin/pip install -e '.[train]' in the clone. docs/reference/scorecards.md says what is done, and what is refused.
    """
    from models.scorecard import canonical
    from models.table import Source, read_table
    from models.tidying import tidy
    from models.training.page import page
    from models.training.report import refuse_compared, report_of
    from models.training.train import train

    if options["limits"] and options["pdo"]:
        raise click.UsageError("--range and --pdo exclude each other: a range fixes the points that double the odds")
    settings = _settings(output, options)
    outputs = {"card": output, "json": output.with_suffix(".report.json"), "html": output.with_suffix(".report.html")}
    refuse_writing_over(outputs.values(), (source, compare))
    given = table_format(options)
    read = read_table(source, given)
    other = Source(table=None) if compare is None else read_table(compare, given)
    _say((*read.notes, *other.notes))
    compared = None
    if compare is not None:
        tidied = tidy(other.table, (settings.target,))
        compared = tidied.table
        _say(tuple(f"{compare}: {note}" for note in tidied.notes))
    with progress_bar("training", "steps") as progress:
        data, fitted, folds = train(
            read.table, settings, progress, lambda prepared: refuse_compared(prepared, compared, str(compare))
        )
    _say(data.notes)
    report = report_of(data, fitted, folds, settings, compared, str(compare))
    html = page(report)
    outputs["json"].write_text(as_text(report) + "\n", encoding="utf-8")
    outputs["html"].write_text(html, encoding="utf-8")
    output.write_bytes(canonical(fitted.card))
    if as_json:
        click.echo(as_text(report))
        return
    for each in fitted.left_out:
        click.echo(f"{each.feature}: left out: {each.why}")
    click.echo(
        f"{output}: {counted(len(fitted.card.characteristics), 'characteristic')}, {report.range[0]} to {report.range[1]}, "
        f"{report.pdo:.1f} points double the odds"
    )
    click.echo(f"on held-out rows: AUC {report.auc:.4f} ± {report.auc_sd:.4f}, KS {report.ks:.4f}")
    click.echo(f"report: {outputs['html']}")


def _say(notes: tuple[str, ...]) -> None:
    """What was found, a line each, where it does not disturb a program that reads the figures."""
    for note in notes:
        click.echo(note, err=True)


def _settings(output: Path, options: dict[str, Any]) -> Any:
    from models.scorecard import CardError, Override, Scorecard
    from models.training.train import Pdo, Range, Settings, Special

    limits, pdo = options["limits"], options["pdo"]
    scaling: Any = Range(low=limits[0], high=limits[1]) if limits else Range()
    if pdo:
        scaling = Pdo(pdo=pdo, points=options["points"], odds=options["odds"])
    kept = (
        "target",
        "bad",
        "good",
        "weight",
        "max_categories",
        "exclude",
        "segments",
        "time",
        "band_odds",
        "method",
        "rising",
        "falling",
        "trend",
        "unknown",
        "iv_min",
        "folds",
        "seed",
        "version",
    )
    name = options["name"] or output.stem
    try:
        Scorecard(name=name, version=options["version"], characteristics=())
    except CardError as error:
        raise click.UsageError(f"a card cannot be called {name!r}: {error.message}; --name gives another") from None
    return Settings(
        name=name,
        overrides=tuple(Override(feature=name, because=because) for name, because in options["overrides"]),
        scaling=scaling,
        special=tuple(Special(feature=name or None, value=value) for name, value in options["special"]),
        **{name: options[name] for name in kept},
    )
