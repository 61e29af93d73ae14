"""`shardpay rescore`: score everybody, from Parquet to Parquet, killed and resumed."""

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from models.wording import counted
from switch.cli.client import switch_options
from switch.cli.lazy import Command, LazyGroup
from switch.cli.location import LOCATION, store_refusals
from switch.cli.options import COUNT_MAX, DAYS_MAX, WORKERS_MAX, as_time, json_option, progress_bar
from switch.cli.rescore.publish import RUN, RUN_HELP
from switch.cli.rescore.sending import end, send, show
from switch.cli.table_options import INPUT_FILE

STOPPING: Final = (signal.SIGINT, signal.SIGTERM)
COMMANDS: Final = {
    "publish": Command(
        "switch.cli.rescore.publish:rescore_publish", "Publish the scores of a finished job to a switch."
    ),
    "status": Command("switch.cli.rescore.status:rescore_status", "Say how far a job is, from any terminal."),
    "undo": Command("switch.cli.rescore.undo:rescore_undo", "Undo a published run: the scores before it hold again."),
}


def _share(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """0.001 or 0.1%."""
    if value is None:
        return None
    try:
        share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise click.BadParameter("a share from 0 to 1, or a percentage: 0.001, 0.1%")
    return share


@click.group(
    "rescore",
    cls=LazyGroup,
    table=COMMANDS,
    invoke_without_command=True,
    epilog="Example: shardpay rescore --input ./features --card wallet --output ./scores",
)
@click.option(
    "--input",
    "source",
    type=LOCATION,
    help="A Parquet file or a folder of them: a path, or s3://BUCKET/PREFIX. (required)",
)
@click.option(
    "--card", metavar="FILE", help="The scorecard, or the name of one that is shipped, such as wallet. (required)"
)
@click.option(
    "--output",
    type=LOCATION,
    help="A folder of their own, likewise; that of a job that was killed goes on. (required)",
)
@click.option("--wallet", metavar="COLUMN", default="wallet", show_default=True, help="Who a row is about.")
@click.option("--keep", metavar="COLUMN", multiple=True, help="Carry this column along; may be repeated.")
@click.option("--scores-only", is_flag=True, help="Without subtotals and reasons.")
@click.option(
    "--part-rows",
    type=click.IntRange(1024, COUNT_MAX),
    default=1_048_576,
    show_default=True,
    help="Rows a file of the output, at most.",
)
@click.option(
    "--min-days",
    type=click.IntRange(0, DAYS_MAX),
    default=90,
    show_default=True,
    help="Age from which a wallet is scored.",
)
@click.option(
    "--min-payments",
    type=click.IntRange(0, COUNT_MAX),
    default=10,
    show_default=True,
    help="Payments in 360 days, likewise.",
)
@click.option(
    "--as-of", metavar="T", callback=as_time, help="RFC 3339 time of the features [default: what the files say]."
)
@click.option(
    "--max-bad", metavar="SHARE", callback=_share, default="0.1%", show_default=True, help="End when more rows are bad."
)
@click.option("--skip-corrupt", is_flag=True, help="Leave out what cannot be read, and list it.")
@click.option("--before", type=LOCATION, help="Output of an earlier run, which the report compares with.")
@click.option(
    "--outcomes",
    type=INPUT_FILE,
    help="A table of wallets, bad (0 or 1) and perhaps at (a time): the report has Gini, by week.",
)
@click.option(
    "--canary", metavar="SHARE", callback=_share, help="Score this share first, and stop if PSI is over --psi-max."
)
@click.option("--psi-max", type=click.FloatRange(0), default=0.25, show_default=True, help="For --canary.")
@click.option(
    "--ray", metavar="A", help="A Ray cluster whose nodes all see input and output: HOST:PORT, or auto on one of them."
)
@click.option("--workers", type=click.IntRange(1, WORKERS_MAX), help="Workers at a time [default: one a processor].")
@click.option(
    "--store-patience",
    metavar="S",
    type=click.FloatRange(1, 86_400),
    default=120.0,
    show_default=True,
    help="Seconds for which an object store may be away.",
)
@click.option(
    "--publish", is_flag=True, help="Then publish the scores to the switch at --url, as `rescore publish` does."
)
@click.option("--run", type=RUN, help=RUN_HELP)
@switch_options
@click.option("--plan", "only_plan", is_flag=True, help="Check and print the plan; score nothing.")
@json_option
@click.pass_context
def rescore_group(context: click.Context, /, **options: Any) -> None:
    """Score every wallet in a folder of Parquet files; run the same command again after a kill, and it goes on."""
    named = [each for each in ("publish", "run", "url") if _is_typed(context, each)]
    if context.invoked_subcommand is not None:
        if named:
            raise click.UsageError(f"--{named[0]} goes behind {context.invoked_subcommand}.", context)
        return
    for name, option in (("source", "--input"), ("card", "--card"), ("output", "--output")):
        if options[name] is None:
            raise click.UsageError(f"Missing option '{option}'.", context)
    if named and not options["publish"]:
        raise click.UsageError(f"--{named[0]} goes with --publish.", context)
    if options["publish"] and options["scores_only"]:
        raise click.UsageError("--publish needs subtotals and reasons: it does not go with --scores-only.", context)
    _rescore(options)


def _is_typed(context: click.Context, name: str) -> bool:
    """Whether an option was given by hand: the environment may name a switch for all commands."""
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


@store_refusals
def _rescore(options: dict[str, Any]) -> None:
    _get_workers_ready(options)
    from actors.rescore.inputs import prepare
    from actors.rescore.job import RescoreRefused, Settings
    from actors.rescore.output import Output
    from actors.rescore.page import write_report
    from actors.rescore.publishing import check_publishable
    from actors.rescore.report import ReportInputs
    from actors.rescore.run import Stopped
    from actors.storage.place import folder_at

    card = _card(options["card"])
    names = ("wallet", "part_rows", "scores_only", "min_days", "min_payments", "skip_corrupt", "as_of")
    settings = Settings(keep=tuple(dict.fromkeys(options["keep"])), **{name: options[name] for name in names})
    try:
        before = None if options["before"] is None else folder_at(options["before"], options["store_patience"])
        prepared = prepare(options["source"], options["output"], card, settings, options["store_patience"])
        if options["publish"]:
            check_publishable(card, settings.scores_only, prepared.job.plan.settings.as_of)
        _show_plan(prepared, options)
        if not options["only_plan"]:
            manifest, peak = _run(prepared, options, _canary(options, before))
            given = ReportInputs(before=before, outcomes=options["outcomes"])
            made = write_report(card, Output(prepared.job.output), manifest, given)
            _show_result(manifest, made, options)
            _show_memory(peak, prepared.worker_bytes, options)
    except RescoreRefused as error:
        raise click.ClickException(str(error)) from None
    except Stopped:
        raise click.ClickException("stopped; run the same command again to go on") from None
    if options["publish"] and not options["only_plan"]:
        _publish(options)


def _publish(options: dict[str, Any]) -> None:
    sent = send(
        options["output"],
        options["url"],
        options["key"],
        False,  # a refusal is in words, as all other lines of JSON are one line each
        options["run"],
        attrgetter("publish_scores"),
        patience_s=options["store_patience"],
    )
    if options["as_json"]:
        _line({"published": sent})
    else:
        click.echo(f"published as run {sent['run']}")
        show(sent)
    end(sent)


def _get_workers_ready(options: dict[str, Any]) -> None:
    """Where an object store is read or written: another process imports what workers need, while this one looks at the inputs."""
    from actors.process.worker_pool import get_ready
    from actors.storage.place import is_url

    if (
        not options["only_plan"]
        and options["ray"] is None
        and any(is_url(options[name]) for name in ("source", "output"))
    ):
        get_ready("actors.rescore.unit")


def _card(named: str) -> Any:
    """From a file, or one of those that are shipped."""
    from models.credit.shipped import SHIPPED, shipped
    from models.scorecard import CardError, parse

    path = Path(named)
    if named in SHIPPED and not path.exists():
        return shipped(named)
    try:
        return parse(path.read_bytes())
    except CardError as error:
        raise click.ClickException(f"{named}: {error}") from None
    except OSError as error:
        shown = ", ".join(SHIPPED)
        raise click.ClickException(f"{named}: {error.strerror}; the cards that are shipped: {shown}") from None


def _show_plan(prepared: Any, options: dict[str, Any]) -> None:
    plan = {
        "rows": prepared.rows,
        "bytes": prepared.bytes,
        "files": len(prepared.job.plan.inputs),
        "units": len(prepared.units),
        "columns": prepared.job.columns,
        "batch_rows": prepared.job.plan.batch_rows,
        "worker_bytes": prepared.worker_bytes,
        "corrupt": prepared.job.plan.corrupt,
    }
    if options["as_json"]:
        _line({"plan": plan})
        return
    click.echo(
        f"{counted(plan['rows'], 'row')} in {counted(plan['files'], 'file')}, {plan['bytes'] / 1e6:,.0f} MB in "
        f"{counted(len(plan['columns']), 'column')}; {counted(plan['units'], 'unit')}; "
        f"a worker takes at most {plan['worker_bytes'] / 2**20:,.0f} MiB"
    )
    for each in plan["corrupt"]:
        click.echo(f"left out: {each.path}: {each.reason}", err=True)


def _show_result(manifest: Any, report: Any, options: dict[str, Any]) -> None:
    tally = manifest.tally
    if options["as_json"]:
        names = ("rows", "scored", "bad", "not_available", "corrupt")
        psi = None if report.against is None else report.against.psi
        result = {name: getattr(manifest, name) for name in names}
        _line(
            {
                "result": {
                    **result,
                    "parts": len(manifest.parts),
                    "checked": tally.checked,
                    "causes": tally.causes,
                    "psi": psi,
                    "repeated_wallets": report.repeated_wallets,
                }
            }
        )
        return
    click.echo(
        f"{manifest.scored:,} scored + {manifest.bad:,} bad + {manifest.not_available:,} not available = "
        f"{counted(manifest.rows, 'row')}, in {counted(len(manifest.parts), 'file')}"
    )
    if report.against is not None:
        from actors.rescore.page import psi_in_words

        click.echo(f"PSI against the run before: {psi_in_words(report.against)}")
    click.echo(f"{counted(tally.checked, 'row')} recomputed in plain Python: all equal")
    if report.repeated_wallets:
        click.echo(f"{counted(report.repeated_wallets, 'wallet')} more than once in the input", err=True)
    for each in manifest.corrupt:
        click.echo(
            f"could not be read: {each.path}" + ("" if each.group is None else f", row group {each.group}"), err=True
        )


def _show_memory(peak: int, bound: int, options: dict[str, Any]) -> None:
    """Nothing where no worker was needed."""
    if peak and not options["as_json"]:
        click.echo(f"a worker took at most {peak / 2**20:,.0f} MiB")
    if peak > bound:
        click.echo(
            f"that is more than the {bound / 2**20:,.0f} MiB of the plan: pages of the input are very large", err=True
        )


def _line(value: Any) -> None:
    import msgspec

    click.echo(msgspec.json.encode(value).decode())


def _run(prepared: Any, options: dict[str, Any], canary: Any) -> Any:
    from actors.rescore.run import Options, Stopped, run

    peaks: list[int] = []

    with (
        _asked_to_stop() as asked,
        _pools(options) as (make_pool, workers),
        progress_bar("scoring", "rows") as progress,
    ):

        def on_status(status: Any) -> None:
            peaks.append(status.worker_peak_bytes)
            progress(status.rows_done, status.rows_total)
            if options["as_json"]:
                _line({"progress": status})

        chosen = options["workers"] or workers
        how = Options(
            workers=chosen,
            max_bad=options["max_bad"],
            stopping=lambda: bool(asked),
            on_status=on_status,
            canary=canary,
        )
        manifest = run(prepared, make_pool, how)
        if asked and options["publish"]:
            raise Stopped
        return manifest, max(peaks, default=0)


def _canary(options: dict[str, Any], before: Any) -> Any:
    from actors.rescore.output import Output
    from actors.rescore.refusals import in_words
    from actors.rescore.run import Canary, read_manifest

    if options["canary"] is None:
        return None
    manifest = None
    if before is not None:
        with in_words(before):
            manifest = read_manifest(Output(before))
    if manifest is None:
        raise click.UsageError("--canary needs --before: a finished run whose scores it compares with")
    return Canary(share=options["canary"], psi_max=options["psi_max"], before=manifest.tally)


@contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """Signals that came; the driver looks at them between events."""
    asked: list[int] = []
    before = {number: signal.signal(number, lambda number, _: asked.append(number)) for number in STOPPING}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _pools(options: dict[str, Any]) -> Iterator[tuple[Any, int]]:
    """What makes workers, and how many the machine or the cluster has processors for."""
    from actors.process.container import processors
    from actors.rescore.unit import local_pool, make_worker

    if options["ray"] is None:
        yield local_pool, processors()
        return
    from actors.process.ray_cluster import RayOptions, RayRuntime
    from actors.process.worker_pool import RayPool

    with tempfile.TemporaryDirectory(prefix="shardpay-") as folder:
        runtime = RayRuntime.start(RayOptions(data_dir=Path(folder), num_cpus=0, address=options["ray"]))
        try:
            yield partial(RayPool, make_worker), RayPool.processors()
        finally:
            runtime.stop()
