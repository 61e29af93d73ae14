"""`shardpay cards` and `shardpay train`: scorecards as documents."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from switch.options import as_text, json_option, progress_bar
from switch.publish_commands import cards_publish


@click.group("cards")
def cards_group() -> None:
    """Look at scorecards and publish them. docs/scorecards.md describes the document."""


cards_group.add_command(cards_publish)


@cards_group.command("check", epilog="Example: shardpay cards check card.json")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def cards_check(file: Path, as_json: bool) -> None:
    """Check a scorecard; exit code 1 when something is wrong with it, which is named by its path."""
    from models.scorecard import CardError, canonical, card_hash, parse

    text = file.read_bytes()
    try:
        card = parse(text)
    except CardError as error:
        if as_json:
            click.echo(as_text({"ok": False, "errors": [{"field": error.field, "message": error.message}]}))
        else:
            click.echo(f"{file}: {error}", err=True)
        sys.exit(1)
    found: dict[str, Any] = {
        "ok": True,
        "name": card.name,
        "version": card.version,
        "hash": card_hash(card),
        "canonical": text.strip() == canonical(card),
        "worst": card.worst,
        "best": card.best,
        "characteristics": len(card.characteristics),
        "dimensions": card.dimensions,
        "bands": card.bands or (),
        "overrides": card.overrides or (),
    }
    if as_json:
        click.echo(as_text(found))
        return
    click.echo(
        f"{card.name} version {card.version}: {len(card.characteristics)} characteristics, {card.worst} to {card.best}"
    )
    click.echo(f"SHA-256 of its canonical text: {found['hash']}")
    for override in found["overrides"]:
        click.echo(f"uses the prohibited input {override.feature}: {override.because}")


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


_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def _train_options(command: Callable[..., None]) -> Callable[..., None]:
    """All options of `train`, in the order that --help shows."""
    options = (
        click.option("--input", "source", type=_FILE, required=True, help="Parquet, or CSV with a line of names."),
        click.option(
            "--target", metavar="COLUMN", required=True, help="The outcome: 1 is bad, unless --bad says else."
        ),
        click.option(
            "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The card's file."
        ),
        click.option("--bad", metavar="VALUE", help="Value of the target that means bad."),
        click.option("--exclude", metavar="COLUMN", multiple=True, help="Leave a column out; may be repeated."),
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
            "--trend",
            type=click.Choice(["auto", "monotonic"]),
            default="auto",
            show_default=True,
            help="auto: up, down, one peak or one valley, as the rows show; monotonic: up or down.",
        ),
        click.option(
            "--unknown",
            type=click.Choice(["neutral", "worst", "error"]),
            default="neutral",
            show_default=True,
            help="What a category gets that training did not see.",
        ),
        click.option(
            "--iv-min", type=click.FloatRange(0), default=0.0, show_default=True, help="Least information value."
        ),
        click.option("--folds", type=click.IntRange(2, 50), default=5, show_default=True, help="Held-out folds."),
        click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=42, show_default=True, help="Of the folds."),
        click.option("--compare", type=_FILE, help="Rows to measure stability (PSI) against, of a later month, say."),
        click.option("--name", help="Name of the card [default: that of its file]."),
        click.option("--version", type=click.IntRange(1, 2**31 - 1), default=1, show_default=True, help="Of the card."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("train", epilog="Example: shardpay train --input loans.parquet --target defaulted --output card.json")
@_train_options
@json_option
def train_command(source: Path, output: Path, compare: Path | None, as_json: bool, **options: Any) -> None:
    """Train a scorecard. Beside it goes a report, as HTML and as JSON: card.report.html, card.report.json.

    Needs the extra: pip install -e '.[train]' in the clone. docs/scorecards.md says what is done, and what is refused.
    """
    from models.scorecard import canonical
    from models.table import read_table
    from models.training import train
    from models.training_page import page
    from models.training_report import report_of

    if options["limits"] and options["pdo"]:
        raise click.UsageError("--range and --pdo exclude each other: a range fixes the points that double the odds")
    settings = _settings(output, options)
    if not output.parent.is_dir():
        raise click.UsageError(f"there is no folder {output.parent}")
    with progress_bar("binning", "columns") as progress:
        data, fitted, folds = train(read_table(source), settings, progress)
    compared = None if compare is None else read_table(compare)
    report = report_of(data, fitted, folds, settings, compared, str(compare))
    html = page(report)
    output.with_suffix(".report.json").write_text(as_text(report) + "\n")
    output.with_suffix(".report.html").write_text(html)
    output.write_bytes(canonical(fitted.card))
    if as_json:
        click.echo(as_text(report))
        return
    click.echo(
        f"{output}: {len(fitted.card.characteristics)} characteristics, {report.range[0]} to {report.range[1]}, "
        f"{report.pdo:.1f} points double the odds"
    )
    click.echo(f"on held-out rows: AUC {report.auc:.4f} ± {report.auc_sd:.4f}, KS {report.ks:.4f}")
    click.echo(f"report: {output.with_suffix('.report.html')}")


def _settings(output: Path, options: dict[str, Any]) -> Any:
    from models.scorecard import Override
    from models.training import Pdo, Range, Settings

    limits, pdo = options["limits"], options["pdo"]
    scaling: Any = Range(low=limits[0], high=limits[1]) if limits else Range()
    if pdo:
        scaling = Pdo(pdo=pdo, points=options["points"], odds=options["odds"])
    kept = ("target", "bad", "exclude", "band_odds", "trend", "unknown", "iv_min", "folds", "seed", "version")
    return Settings(
        name=options["name"] or output.stem,
        overrides=tuple(Override(feature=name, because=because) for name, because in options["overrides"]),
        scaling=scaling,
        **{name: options[name] for name in kept},
    )
