"""`shardpay population`: people who do not exist, to try credit scoring on.

All three files or none; the same options give the same bytes.
"""

from pathlib import Path
from typing import Any, Final

import click

from models.wording import counted
from switch.cli.options import as_text, as_time, json_option
from switch.cli.table_options import refuse_writing_over

PEOPLE_MAX: Final = 1_000_000
"""Some 86 million payments, of which a machine with 32 GB still makes the files."""


@click.command("population", epilog="Example: shardpay population --output people.parquet --people 10000 --seed 7")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The payments: Parquet if its name ends in .parquet, else NDJSON.",
)
@click.option("--people", type=click.IntRange(1, PEOPLE_MAX), default=10_000, show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=42, show_default=True, help="Of all draws.")
@click.option(
    "--start",
    metavar="T",
    callback=as_time,
    default="2025-01-01T00:00:00Z",
    show_default=True,
    help="RFC 3339 time at which the year begins.",
)
@json_option
def population_command(output: Path, people: int, seed: int, start: int, as_json: bool) -> None:
    """Make up people, a year of their payments, and who defaults after it. All of it is synthetic and says so.

    \b
    --output        payments that `shardpay import` takes: wages, rent, purchases, cash,
                    friends, orders; what could not be paid is marked as declined
    NAME.people.parquet   by person: `defaulted` in the 90 days after the year; `chance`,
                    from which that was drawn, the best that anybody can know; traits
    NAME.orders.parquet   what was used first and paid later: due, paid, state

    docs/credit.md says how people are made up. What a card reaches on them says nothing of real people.
    """
    from models.credit.population.year import as_ndjson, population_of
    from models.statistics import auc

    outputs = [output, output.with_suffix(".people.parquet"), output.with_suffix(".orders.parquet")]
    refuse_writing_over(outputs, ())
    made = population_of(people, seed, start)
    parts = [path.with_name(f"{path.name}.part") for path in outputs]
    try:
        if output.suffix == ".parquet":
            _write(made.payments, parts[0])
        else:
            with parts[0].open("w", encoding="utf-8") as file:
                file.writelines(as_ndjson(made.payments).to_pylist())
        _write(made.people, parts[1])
        _write(made.orders, parts[2])
        for part, path in zip(parts, outputs, strict=True):
            part.replace(path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    chance, bad = (made.people.column(name).to_numpy() for name in ("chance", "defaulted"))
    found: dict[str, Any] = {
        "files": [str(path) for path in outputs],
        "people": people,
        "payments": made.payments.num_rows,
        "orders": made.orders.num_rows,
        "defaulted": int(bad.sum()),
        "auc_of_the_best_predictor": round(auc(-chance, bad), 6) if 0 < bad.sum() < people else None,
        "declared": made.payments.schema.metadata[b"declared"].decode(),
    }
    if as_json:
        click.echo(as_text(found))
        return
    click.echo(
        f"{output}: {counted(people, 'person', 'people')}, {counted(made.payments.num_rows, 'payment')}, "
        f"{counted(made.orders.num_rows, 'order')}; all synthetic"
    )
    click.echo(f"{found['defaulted']:,} default in the 90 days after the year")
    if found["auc_of_the_best_predictor"] is not None:
        click.echo(f"the best possible predictor has an AUC of {found['auc_of_the_best_predictor']:.4f}")


def _write(table: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")
