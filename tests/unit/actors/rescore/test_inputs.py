"""What cannot be read is found before anything is written, and named with its file and its column."""

import base64
import datetime
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption
import pytest

from actors.rescore.inputs import LAST_UNITS, SMALLEST_UNITS, chunk_ranges
from actors.rescore.job import RescoreRefused, Settings
from actors.rescore.thrift import I64, Field, decode, encode
from bench.workload.wallet_files import write_wallet_files
from models.credit.shipped import shipped
from tests.compiled import COMPILED
from tests.rescore_files import wallets_table, write_wallets
from tests.unit.actors.rescore.jobs import SMALL, columns, prepared, rescore


def numbers(kind: pa.DataType) -> pa.Array:
    return pa.array([None, 0, 1, 2, 3] * 20).cast(kind)


REFUSED = {
    "text": (pa.array(["1"] * 100), "late: the card wants numbers"),
    "timestamp": (pa.array([datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)] * 100), "late: the card wants numbers"),
    "list": (pa.array([[1]] * 100), "late: the card wants numbers"),
    "binary": (pa.array([b"1"] * 100), "late: the card wants numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_columns_of_other_types_are_refused_by_name_before_anything_is_written(tmp_path: Path, name: str) -> None:
    column, stated = REFUSED[name]
    pq.write_table(wallets_table(100, 1).set_column(1, "late", column), tmp_path / "in.parquet")
    with pytest.raises(RescoreRefused, match=f"in.parquet: {stated}"):
        prepared(tmp_path / "in.parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "settings", "stated"),
    [
        (lambda table: table.append_column("late", table.column("night")), SMALL, "2 columns are named 'late'"),
        (lambda table: table.drop_columns(["late"]), SMALL, "there is no column 'late'"),
        (lambda table: table, Settings(wallet="owner"), "there is no column 'owner'"),
        (
            lambda table: table,
            Settings(keep=("never_read",)),
            "never_read holds list.*nested columns cannot be kept",
        ),
        (lambda table: table.set_column(0, "wallet", pa.array([0.5] * 100)), SMALL, "wallet holds double"),
    ],
    ids=["twice", "missing", "no wallet", "nested kept", "wallet of floats"],
)
def test_columns_that_are_twice_missing_or_nested_are_refused_by_name(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table], settings: Settings, stated: str
) -> None:
    pq.write_table(change(wallets_table(100, 1)), tmp_path / "in.parquet")
    with pytest.raises(RescoreRefused, match=f"in.parquet: {stated}"):
        prepared(tmp_path / "in.parquet", tmp_path / "out", settings)


@pytest.mark.parametrize("settings", [Settings(wallet="score"), Settings(keep=("gap_2",))], ids=["wallet", "kept"])
def test_a_column_that_scoring_adds_cannot_be_carried_along(tmp_path: Path, settings: Settings) -> None:
    pq.write_table(wallets_table(10, 1), tmp_path / "in.parquet")
    with pytest.raises(RescoreRefused, match=r"'(score|gap_2)' is a column that scoring adds"):
        prepared(tmp_path / "in.parquet", tmp_path / "out", settings)


def test_files_whose_wallets_differ_in_type_are_refused(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    other = wallets_table(100, 1).set_column(0, "wallet", pa.array(range(100)))
    pq.write_table(other, source / "shard-0001.parquet")
    with pytest.raises(RescoreRefused, match=r"shard-0001.parquet: wallet holds int64, and string in shard-0000"):
        prepared(source, tmp_path / "out")


def test_the_time_of_the_features_is_what_the_files_say_unless_they_differ(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for at, moment in enumerate((b"1767225600000", b"1767225600000", b"1767312000000")):
        table = wallets_table(50, at).replace_schema_metadata({b"as_of": moment})
        pq.write_table(table, source / f"{at}.parquet")
    with pytest.raises(RescoreRefused, match=r"2.parquet and 0.parquet are of different times.*--as-of"):
        prepared(source, tmp_path / "out")
    assert prepared(source, tmp_path / "out", Settings(as_of=5)).job.settings.as_of == 5
    (source / "2.parquet").unlink()
    manifest = rescore(prepared(source, tmp_path / "out"))
    moments = set(columns(tmp_path / "out", manifest).column("as_of").to_pylist())
    assert moments == {datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], "there is nothing at"),
        (["a.csv", "_hidden.parquet", ".b.parquet", "_work/c.parquet"], r"holds no Parquet files \(names that end in"),
    ],
)
def test_a_folder_without_files_to_read_is_refused(tmp_path: Path, names: list[str], says: str) -> None:
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        pq.write_table(wallets_table(10, 1), tmp_path / "in" / name)
    with pytest.raises(RescoreRefused, match=says):
        prepared(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it has 0 bytes"),
        (b"PAR1" * 2, "it has 8 bytes"),
        (b"x" * 100, "it does not end as one"),
        (b"PAR1" + b"x" * 100 + b"\xff\xff\xff\x7fPAR1", "it does not end as one"),
        (b"PAR1" + b"x" * 100 + b"\x40\x00\x00\x00PAR1", "not a whole Parquet file"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_or_left_out(tmp_path: Path, data: bytes, says: str) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    (source / "bad.parquet").write_bytes(data)
    with pytest.raises(RescoreRefused, match=rf"^bad.parquet: not a whole Parquet file: .*{says}|^bad.parquet: {says}"):
        prepared(source, tmp_path / "out")
    skipping = prepared(source, tmp_path / "out", Settings(skip_corrupt=True))
    assert [each.path for each in skipping.job.plan.corrupt] == ["bad.parquet"] and skipping.rows == 100
    (source / "shard-0000.parquet").unlink()
    with pytest.raises(RescoreRefused, match="none of its files can be read"):
        prepared(source, tmp_path / "out", Settings(skip_corrupt=True))


@pytest.mark.parametrize("rows", [-100, 99])
def test_a_file_whose_row_groups_have_rows_that_cannot_be_is_refused_or_left_out(tmp_path: Path, rows: int) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    path = source / "shard-0000.parquet"
    (source / "shard-0001.parquet").write_bytes(path.read_bytes())
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    footer = decode(data[start:-8])
    (group,) = footer[4].value[1]
    group[3] = Field(I64, rows)
    footer_bytes = encode(footer)
    path.write_bytes(data[:start] + footer_bytes + len(footer_bytes).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(RescoreRefused, match=f"^shard-0000.parquet: .*it says 100 rows, and of its row groups {rows};"):
        prepared(source, tmp_path / "out")
    skipping = prepared(source, tmp_path / "out", Settings(skip_corrupt=True))
    assert [each.path for each in skipping.job.plan.corrupt] == ["shard-0000.parquet"] and skipping.rows == 100


def test_a_file_whose_row_groups_have_fewer_columns_than_it_says_is_refused_by_name(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    path = source / "shard-0000.parquet"
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    footer = decode(data[start:-8])
    (group,) = footer[4].value[1]
    group[1] = Field(group[1].kind, (group[1].value[0], group[1].value[1][:3]))
    footer_bytes = encode(footer)
    path.write_bytes(data[:start] + footer_bytes + len(footer_bytes).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(RescoreRefused, match=r"^shard-0000.parquet: not a whole Parquet file: .*out of bounds"):
        prepared(source, tmp_path / "out")


@pytest.mark.parametrize("as_of", ["monday", "-1", "1767225600000000", "1767225600000000000000"])
def test_a_time_of_features_that_is_no_number_of_milliseconds_is_refused(tmp_path: Path, as_of: str) -> None:
    pq.write_table(wallets_table(10, 1).replace_schema_metadata({b"as_of": as_of.encode()}), tmp_path / "in.parquet")
    with pytest.raises(
        RescoreRefused, match=rf"as_of, b'{as_of}', is no number of milliseconds since 1970; say --as-of"
    ):
        prepared(tmp_path / "in.parquet", tmp_path / "out")


def test_every_file_is_read_however_its_suffix_is_written(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 100, 2, 100)
    (source / "shard-0001.parquet").rename(source / "shard-0001.PARQUET")
    assert prepared(source, tmp_path / "out").rows == 200


@pytest.mark.parametrize(
    ("name", "leads_to"),
    [("day2", "elsewhere"), ("day=01.02", "elsewhere"), ("shard-0002.parquet", "nowhere"), ("x.PQ", "nowhere")],
)
def test_a_link_whose_rows_would_be_left_out_is_refused_by_name(tmp_path: Path, name: str, leads_to: str) -> None:
    source = write_wallets(tmp_path / "in", 100, 2, 100)
    write_wallets(tmp_path / "elsewhere", 100, 1, 100)
    (source / name).symlink_to(tmp_path / leads_to)
    with pytest.raises(RescoreRefused, match=f"in: {name}/? is a link to .*, whose rows would be left out"):
        prepared(source, tmp_path / "out")


def test_links_to_files_are_read_and_those_of_hidden_and_other_names_are_not_looked_at(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    (write_wallets(tmp_path / "elsewhere", 100, 1, 100) / "shard-0000.parquet").rename(tmp_path / "x")
    (source / "more.parquet").symlink_to(tmp_path / "x")
    for name in ("_old", ".snapshot", "notes.txt"):
        (source / name).symlink_to(tmp_path / "nowhere")
    assert prepared(source, tmp_path / "out").rows == 200


def test_memory_of_a_worker_grows_with_a_row_group_only_up_to_its_buffers(tmp_path: Path) -> None:
    found = []
    for rows in (1_000, 100_000, 200_000):
        pq.write_table(wallets_table(rows, 1), tmp_path / "in.parquet", row_group_size=rows)
        found.append(prepared(tmp_path / "in.parquet", tmp_path / "out").worker_bytes)
    assert found == sorted(found) and found[-1] < 1 << 30


def test_units_are_smaller_towards_the_end_and_a_small_input_is_shared(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "many", 10_000, 2, 128)
    rows = [unit.rows for unit in prepared(source, tmp_path / "out").units]
    assert sum(rows) == 20_000 and max(rows) == rows[0] == SMALL.part_rows
    assert rows[-8:] != rows[:8] and sum(rows[-3:]) < SMALL.part_rows
    last = 20_000
    for unit in prepared(source, tmp_path / "out").units:
        share = max(SMALL.part_rows // SMALLEST_UNITS, last // LAST_UNITS)
        rest = SMALL.part_rows // SMALLEST_UNITS // 2 if unit.rows == last else 0
        assert unit.rows <= min(share + 128 // 2 + rest, SMALL.part_rows)
        last -= unit.rows
    alone = write_wallets(tmp_path / "one", 1_000, 1, 128)
    assert len(prepared(alone, tmp_path / "out").units) > 2


@pytest.mark.parametrize(
    ("rows", "shares"),
    [(1_000, [512, 256, 128, 64, 40]), (1_984, [1_024, 512, 256, 128, 64]), (976, [512, 256, 128, 80])],
)
def test_a_unit_takes_the_row_groups_with_which_it_comes_nearest_to_its_share(
    tmp_path: Path, rows: int, shares: list[int]
) -> None:
    """Two workers share 1,000 rows as 512 and 488; with seven row groups first they would be 448 and 552. The last 16 of 976 are not a unit
    of their own."""
    source = write_wallets(tmp_path / "in", rows, 1, 64)
    assert [unit.rows for unit in prepared(source, tmp_path / "out").units] == shares


def test_ranges_of_columns_are_where_their_bytes_lie(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 1_000, 1, 300) / "shard-0000.parquet"
    metadata = pq.read_metadata(source)
    ranges = chunk_ranges(metadata, [1, 3], frozenset({"late", "never_read"}))
    assert len(ranges) == 4 and all(4 <= each.start < each.end <= source.stat().st_size for each in ranges)
    groups = [metadata.row_group(at) for at in (1, 3)]
    expected = [
        group.column(at).total_compressed_size
        for group in groups
        for at in range(group.num_columns)
        if group.column(at).path_in_schema.partition(".")[0] in ("late", "never_read")
    ]
    assert [each.end - each.start for each in ranges] == expected
    assert chunk_ranges(metadata, [], frozenset({"late"})) == [] == chunk_ranges(metadata, [0], frozenset())


FIRST_UNIT = """
import gc, sys
from pathlib import Path
from numba.core.dispatcher import Dispatcher
from actors.rescore.inputs import prepare
from actors.rescore.job import Settings
from actors.rescore.thrift import I64, Field, decode, encode
from actors.rescore.unit import Worker
from models.credit.shipped import shipped

def loaded():
    kernels = [each for each in gc.get_objects() if isinstance(each, Dispatcher)]
    return sorted((each.__name__, len(each.overloads)) for each in kernels if each.overloads)

prepared = prepare(Path(sys.argv[1]), Path(sys.argv[2]), shipped(), Settings())
worker, before = Worker(prepared.job), loaded()
done = [worker(unit) for unit in prepared.units]
print(loaded() == before, len(before), sum(each.tally.rows for each in done))
"""


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_copies_of_the_process_that_prepared_a_job_load_no_kernel(tmp_path: Path) -> None:
    write_wallet_files(tmp_path / "in", shipped(), 1, 3_000)
    command = [sys.executable, "-c", FIRST_UNIT, str(tmp_path / "in"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    same, count, rows = done.stdout.split()
    assert same == "True" and int(count) > 5 and rows == "3000", done.stdout


class Keys(encryption.KmsClient):
    """Keys that wrap others by doing nothing."""

    def wrap_key(self, key_bytes: bytes, _: str) -> bytes:
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, _: str) -> bytes:
        return base64.b64decode(wrapped_key)


def write_encrypted(path: Path, table: pa.Table, column: str, plain_footer: bool) -> None:
    """With one column encrypted, and perhaps the footer."""
    options = encryption.EncryptionConfiguration(
        footer_key="footer", column_keys={"key": [column]}, plaintext_footer=plain_footer
    )
    factory = encryption.CryptoFactory(lambda _: Keys())
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), options)
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)


def test_a_column_that_is_needed_and_encrypted_is_refused_by_name_and_another_is_not_looked_at(tmp_path: Path) -> None:
    table = wallets_table(1_000, 1).append_column("secret", pa.array(["s"] * 1_000))
    write_encrypted(tmp_path / "late.parquet", table, "late", plain_footer=True)
    with pytest.raises(RescoreRefused, match=r"late\.parquet: the column 'late' is encrypted"):
        prepared(tmp_path / "late.parquet", tmp_path / "out")
    write_encrypted(tmp_path / "other.parquet", table, "secret", plain_footer=True)
    assert rescore(prepared(tmp_path / "other.parquet", tmp_path / "out")).rows == 1_000
    write_encrypted(tmp_path / "footer.parquet", table, "late", plain_footer=False)
    with pytest.raises(RescoreRefused, match=r"footer\.parquet: .* its footer is encrypted"):
        prepared(tmp_path / "footer.parquet", tmp_path / "out2")
