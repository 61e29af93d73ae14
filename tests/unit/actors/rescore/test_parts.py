"""Parts are what pyarrow, polars and DuckDB read alike, in row groups and encodings that are fast to write."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.rescore.inputs import SMALLEST_UNITS
from actors.rescore.job import Settings
from tests.rescore_files import wallets_table
from tests.unit.actors.rescore.jobs import columns, prepared, rescore

ROWS = 150_000
GROUP = 131_072
AS_OF = 1_798_761_600_000


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, pa.Table]]:
    """One part, of an input whose row groups end elsewhere and each have other texts to keep; and what is expected of what was kept."""
    folder = tmp_path_factory.mktemp("parts")
    ids = pa.array([at.to_bytes(16) for at in range(ROWS)], pa.binary(16))
    regions = pa.array([None if at % 7 == 0 else f"region {at // 40_000}.{at % 3}" for at in range(ROWS)])
    table = wallets_table(ROWS, 1).drop_columns(["never_read"]).set_column(0, "wallet", ids)
    table = table.append_column("region", regions.dictionary_encode()).append_column("place", pa.array(range(ROWS)))
    pq.write_table(table, folder / "in.parquet", row_group_size=40_000)
    settings = Settings(keep=("region", "place"), as_of=AS_OF, part_rows=SMALLEST_UNITS * 200_000)
    manifest = rescore(prepared(folder / "in.parquet", folder / "out", settings))
    (part,) = manifest.parts
    assert plain(columns(folder / "out", manifest).select(["wallet", "region", "place"])).equals(
        pa.table({"wallet": ids, "region": regions, "place": table.column("place")})
    )
    yield folder / "out" / part.file, columns(folder / "out", manifest)


def plain(table: pa.Table) -> pa.Table:
    """Without dictionaries, which readers number as they like."""
    kinds = [field.type.value_type if pa.types.is_dictionary(field.type) else field.type for field in table.schema]
    return table.cast(pa.schema(dict(zip(table.column_names, kinds, strict=True)))).combine_chunks()


def test_polars_and_duckdb_read_what_pyarrow_reads(scored: tuple[Path, pa.Table]) -> None:
    path, table = scored
    expected = plain(table)
    counts = {name: expected.column(name).null_count for name in ("score", "reason_4", "not_available", "as_of")}
    assert 0 < counts["score"] < counts["reason_4"] < ROWS and counts["as_of"] == 0
    assert counts["score"] + counts["not_available"] == ROWS
    assert polars.read_parquet(path).equals(polars.DataFrame(expected))
    with duckdb.connect() as connection:
        connection.register("expected", expected)
        for one, other in (("expected", f"'{path}'"), (f"'{path}'", "expected")):
            query = f"SELECT count(*) FROM (SELECT * FROM {one} EXCEPT ALL SELECT * FROM {other})"
            assert connection.sql(query).fetchall() == [(0,)]


def test_row_groups_have_whole_batches(scored: tuple[Path, pa.Table]) -> None:
    metadata = pq.read_metadata(scored[0])
    assert [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)] == [GROUP, ROWS - GROUP]


def test_only_columns_that_have_a_value_in_every_row_are_required(scored: tuple[Path, pa.Table]) -> None:
    schema = pq.read_schema(scored[0])
    assert [field.name for field in schema if not field.nullable] == ["wallet", "card", "as_of"]


def test_what_scoring_adds_is_places_in_dictionaries_and_only_what_is_kept_is_compressed(
    scored: tuple[Path, pa.Table],
) -> None:
    group = pq.read_metadata(scored[0]).row_group(0)
    found = {group.column(at).path_in_schema: group.column(at) for at in range(group.num_columns)}
    for name in [name for name in found if name not in ("wallet", "region", "place")]:
        assert found[name].has_dictionary_page, name
        assert found[name].compression == "UNCOMPRESSED", name
    assert not found["wallet"].has_dictionary_page and not found["place"].has_dictionary_page
    assert {name: found[name].compression for name in ("wallet", "region", "place")} == {
        "wallet": "UNCOMPRESSED",
        "region": "ZSTD",
        "place": "ZSTD",
    }
