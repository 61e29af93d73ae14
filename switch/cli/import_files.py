"""`shardpay import`: parse, run, print."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.wording import counted
from rules.vocabulary.currencies import NUMERIC
from switch.cli.options import as_text
from switch.importer import names

if TYPE_CHECKING:
    from switch.importer.orders import OrdersReport
    from switch.importer.progress import Tally
    from switch.importer.runner import ImportReport, Options

_EPILOG = """\b
Example: SHARDPAY_API_KEY=... shardpay import payments.ndjson --url http://127.0.0.1:8080
"""


_HELP = """
Send historical payments through a running switch, and compare every balance afterwards.

The order is kept for each wallet. Wallets are made, opening balances funded, payments carry their own effective time. The key in
SHARDPAY_API_KEY needs the scopes admin, import and pay. A killed import goes on where it stopped when it is called
again within the switch's 24 hours of remembered keys, without its state file too; later it does not send again rows
that were under way, and says so. A switch that lacks what the state file notes, since it was restored from a backup or is
another one, is sent nothing. Without its state file then, only a file that made its wallets is known to have been
imported. Wallets that another file made go on with what they hold, so a month can follow a
month, and a file with a row put right can be imported again within those 24 hours: rows that say what they said are not
paid again, rows that are new among them are told, since an earlier payment that they replace still stands. Exit code 1
when there are such rows, or when a balance or an outcome is not what FILE says, each with its row.

\b
paysim    the PaySim simulator's log, the published CSV or Parquet; --currency
berka     trans.asc (or .parquet) of the Berka bank data, or its folder; currency CZK
          Texts of both: separated by commas, semicolons or tabs; amounts are rounded to hundredths,
          half a one to the even: 0.545 is 0.54.
shardpay  NDJSON or Parquet, one payment a row:
            idempotency_key  text, different for each row
            payer, payee     your names of the wallets (external_id); "external:",
                             "fee:", "liquidity:", "merchant:" in front tell the
                             kind, anything else is a user wallet
            amount           integer, minor units
            currency         ISO 4217
            effective_at     RFC 3339 UTC, or a Parquet timestamp
            kind             optional: payment, cash_in, cash_out, debit ...
            reference        optional text
            declined         optional: true where it was declined for lack of funds
          Rows are sent by effective_at; new payers begin empty and cannot go below zero.
orders    service orders of the past, Parquet as `shardpay population` writes them; --merchant, --scenario;
          the key needs the scopes admin and import; all of it is checked before anything is made
            order            the merchant's own number, different for each row
            person, merchant your names of the wallets of holder and merchant
            amount           integer, minor units
            created_at, due_at, paid_at   when it was used, due, and paid, if it was
          No money moves. Each comes in once, however often it is imported.
"""


@click.command("import", help=_HELP, epilog=_EPILOG)
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format",
    "name",
    type=click.Choice(names.ALL),
    help="Format of FILE [default: as its columns tell].",
)
@click.option(
    "--currency",
    type=click.Choice(sorted(NUMERIC)),
    metavar="CODE",
    help=f"Of a PaySim log, which names none [default: {names.PAYSIM_CURRENCY}].",
)
@click.option("--merchant", metavar="NAME", help="Of orders: the merchant's account, which has a key already.")
@click.option("--scenario", metavar="NAME", help="Of orders: the scenario that they are of.")
@click.option("--url", envvar="SHARDPAY_URL", default="http://127.0.0.1:8080", show_default=True, help="The switch.")
@click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True, help="Requests under way.")
@click.option("--rate", type=click.FloatRange(min=0), default=0, help="Rows a second at most [default: no limit].")
@click.option(
    "--state", type=click.Path(path_type=Path, dir_okay=False), help="Where progress is kept [default: a file here]."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--key", envvar="SHARDPAY_API_KEY", hidden=True)
def import_command(
    file: Path, name: str | None, merchant: str | None, scenario: str | None, as_json: bool, **given: Any
) -> None:
    """Import a file of payments or of orders; what --help says of it is above."""
    if name == names.ORDERS or (name is None and _holds_orders(file)):
        _import_orders(file, merchant, scenario, as_json, given["url"], given["key"], given["concurrency"])
        return
    if merchant or scenario:
        raise click.UsageError("--merchant and --scenario are for files of orders")
    from switch.importer.formats import format_of
    from switch.importer.runner import Options

    report = _run(Options(file=file, format=name or format_of(file), **given))
    click.echo(as_text(report) if as_json else report_text(report))
    if not report.good:
        raise click.exceptions.Exit(1)


def _holds_orders(file: Path) -> bool:
    from switch.importer.formats import columns_of
    from switch.importer.orders import recognises

    return file.suffix == ".parquet" and recognises(set(columns_of(file)))


def _import_orders(
    file: Path, merchant: str | None, scenario: str | None, as_json: bool, url: str, key: str | None, concurrency: int
) -> None:
    if not merchant or not scenario:
        raise click.UsageError("orders need --merchant and --scenario: of whom and of what they are")

    from switch.importer import orders
    from switch.importer.client import Client, SwitchError
    from switch.importer.history import ImportFileError

    async def run() -> "OrdersReport":
        async with Client(url, key, concurrency) as client:
            return await orders.import_orders(client, file, table, merchant, scenario, concurrency)

    try:
        table = orders.read_orders(file)
        report = asyncio.run(run())
    except (SwitchError, ImportFileError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(as_text(report))
    else:
        click.echo(orders_text(report))
    if not report.good:
        raise click.exceptions.Exit(1)


def orders_text(report: "OrdersReport") -> str:
    """The report for a person."""
    return "\n".join(
        [
            f"{counted(report.orders, 'order')} of {report.file} in {report.seconds:.1f} s",
            *(f"{count:,} are {status}" for status, count in sorted(report.statuses.items())),
            *([f"{report.replayed:,} were there"] if report.replayed else []),
            *(f"refused {count:,}: {code}" for code, count in sorted(report.refused.items())),
        ]
    )


def _run(options: "Options") -> "ImportReport":
    from switch.importer.client import SwitchError, first_of
    from switch.importer.progress import Display, Tally
    from switch.importer.runner import run_import

    tally = Tally()
    with Display(tally) as display:
        try:
            return asyncio.run(run_import(options, tally, display.refresh))
        except KeyboardInterrupt:
            raise click.ClickException("stopped; the same command goes on from here") from None
        except (SwitchError, BaseExceptionGroup) as error:
            first = first_of(error)
            if isinstance(first, SwitchError):
                raise SwitchError(f"{first}; {done_so_far(tally)}") from error
            raise first from error


def done_so_far(tally: "Tally") -> str:
    """What stands of an import that ended before its end."""
    from switch.importer.runner import BEFORE_WRITING

    if tally.stage in BEFORE_WRITING:
        return "nothing was done"
    if not tally.rows:
        return "wallets of the file may be open by now, no payment was made"
    return (
        f"{tally.rows:,} of {counted(tally.total, 'payment has its', 'payments have their')} result: "
        "the same command goes on behind them"
    )


def report_text(report: "ImportReport") -> str:
    """The report for a person."""
    lines = [
        f"{counted(report.rows, 'payment')} of {report.file} ({report.format}) between {counted(report.wallets, 'wallet')}",
        f"in {report.seconds:.1f} s, {report.rows_per_second:,.0f} rows/s, {counted(report.calls, 'call')}: "
        f"p50 {report.latency_p50_ms:.1f} ms, p99 {report.latency_p99_ms:.1f} ms, {counted(report.retries, 'retry', 'retries')}",
        f"posted {report.posted:,} (opening balances and the like included: {report.extra_rows:,})",
        *(f"declined {count:,} {name}" for name, count in report.declined.items()),
    ]
    if report.resumed_rows or report.replayed:
        lines.append(
            f"{counted(report.resumed_rows, 'row was', 'rows were')} answered in earlier runs, "
            f"{counted(report.replayed, 'answer')} replayed"
        )
    lines += [f"note: {note}" for note in report.notes]
    for name in report.changed:
        lines.append(f"changed: {name} is new among rows that were imported before")
    if report.changed_count:
        lines.append(
            f"{counted(report.changed_count, 'row was', 'rows were')} changed or put in since: "
            "where one replaces an earlier payment, that one still stands. "
            "Which one it is, and whether to refund it or to pay it back, is yours to decide"
        )
    for row in report.unexpected:
        lines.append(f"unexpected: {row.row} is {row.outcome}, the file says {row.expected}")
    for wallet in report.differences:
        held = f", {wallet.held} held" if wallet.held else ""
        lines.append(f"difference: {wallet.wallet} has {wallet.posted}{held}, expected {wallet.expected}")
    if report.wallets_there_before:
        lines.append(
            f"{counted(report.wallets_there_before, 'wallet was there before and holds', 'wallets were there before and hold')} "
            "what the file says on top"
        )
    if report.good:
        lines.append("every balance is as the file says")
    elif report.unexpected_count or report.difference_count:
        lines.append(
            f"{counted(report.difference_count, 'balance differs', 'balances differ')}, "
            f"{counted(report.unexpected_count, 'outcome is', 'outcomes are')} unexpected"
        )
    return "\n".join(lines)
