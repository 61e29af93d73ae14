"""A unit's files have what was kept of every row that could be scored, and a line for each that could not."""

import errno
import os
import platform
import re
import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.rescore import unit
from actors.rescore.job import RescoreRefused, Settings
from actors.rescore.unit import Worker, make_worker
from actors.storage.disk import DiskFolder
from actors.storage.interface import Found, Range
from models.scorecard import Characteristic, Scorecard
from tests.rescore_files import wallets_table, write_wallets
from tests.unit.actors.rescore.jobs import SMALL, columns, prepared, rescore


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.dictionary(pa.int8(), pa.string()),
        pa.binary(2),
        pa.int64(),
        pa.uint64(),
        pa.uint32(),
        pa.int16(),
        pa.int8(),
        pa.uuid(),
    ],
)
def test_wallets_of_every_type_come_out_as_they_went_in(tmp_path: Path, kind: pa.DataType) -> None:
    if kind == pa.uuid():
        ids = pa.ExtensionArray.from_storage(kind, pa.array([bytes([at]) * 16 for at in range(100)], pa.binary(16)))
    else:
        texts = [f"{at:02}" for at in range(100)]
        as_bytes = [text.encode() for text in texts]
        ids = pa.array(
            range(100) if pa.types.is_integer(kind) else as_bytes if pa.types.is_fixed_size_binary(kind) else texts,
            kind,
        )
    table = wallets_table(100, 1).set_column(0, "wallet", ids)
    table = table.append_column("region", pa.array(["north", None] * 50).dictionary_encode())
    pq.write_table(table, tmp_path / "in.parquet")
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(keep=("region",))))
    scored = columns(tmp_path / "out", manifest)
    assert scored.column("wallet").to_pylist() == table.column("wallet").to_pylist()
    assert scored.column("region").to_pylist() == table.column("region").to_pylist()


def strict_card() -> Scorecard:
    item = Characteristic(
        feature="kind", reason="K", categories=(("a",), ("b",)), points=(5, 9), missing=1, unknown="error"
    )
    return Scorecard(name="strict", version=1, characteristics=(item,))


def test_bad_rows_are_written_with_file_row_column_and_reason(tmp_path: Path) -> None:
    ids = pa.array([None if row == 7 else row for row in range(500)])
    kinds = ["z" if row == 333 else "a" for row in range(500)]
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"id": ids, "kind": kinds}), tmp_path / "in" / "a.parquet", row_group_size=100)
    job = prepared(tmp_path / "in", tmp_path / "out", Settings(wallet="id"), strict_card())
    manifest = rescore(job, max_bad=0.01)
    assert (manifest.scored, manifest.bad, manifest.not_available) == (498, 2, 0)
    bad = pa.concat_tables([pq.read_table(tmp_path / "out" / part.file) for part in manifest.bad_rows])
    assert sorted(bad.to_pylist(), key=lambda row: row["row"]) == [
        {"file": "a.parquet", "row": 7, "column": "id", "reason": "no wallet"},
        {"file": "a.parquet", "row": 333, "column": "kind", "reason": "a category that the card does not name"},
    ]
    assert {7, 333}.isdisjoint(columns(tmp_path / "out", manifest).column("id").to_pylist())


def _damage_page(path: Path, group: int) -> None:
    """Overwrite the bytes of a column in one row group."""
    metadata = pq.read_metadata(path).row_group(group)
    chunk = next(
        metadata.column(at) for at in range(metadata.num_columns) if metadata.column(at).path_in_schema == "late"
    )
    data = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(data)


def test_bad_rows_beside_texts_and_bytes_that_are_views_go_aside(tmp_path: Path) -> None:
    """As pyarrow, arrow-rs and DataFusion write them."""
    ids = pa.array([None if row == 7 else f"w{row}" for row in range(500)], pa.string_view())
    note = pa.array([bytes(20)] * 500, pa.binary_view())
    pq.write_table(pa.table({"id": ids, "kind": ["a"] * 500, "note": note}), tmp_path / "in.parquet")
    job = prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(wallet="id", keep=("note",)), strict_card())
    manifest = rescore(job, max_bad=0.01)
    assert (manifest.scored, manifest.bad) == (499, 1)
    scored = columns(tmp_path / "out", manifest)
    assert scored.column("id").to_pylist() == [f"w{row}" for row in range(500) if row != 7]
    assert scored.column("note").to_pylist() == [bytes(20)] * 499


def test_a_category_that_one_of_two_characteristics_of_a_feature_does_not_know_makes_a_row_bad(tmp_path: Path) -> None:
    one, *_ = strict_card().characteristics
    other = msgspec.structs.replace(one, categories=(("a",), ("b", "z")))
    card = msgspec.structs.replace(strict_card(), characteristics=(one, other))
    kinds = ["z" if row < 200 else "a" for row in range(500)]
    pq.write_table(pa.table({"id": pa.array(range(500)), "kind": kinds}), tmp_path / "in.parquet")
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(wallet="id"), card), max_bad=0.5)
    assert (manifest.scored, manifest.bad) == (300, 200)


def test_corrupt_files_and_row_groups_are_refused_or_listed(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 1_000, 3, 250)
    _damage_page(source / "shard-0001.parquet", 2)
    (source / "shard-0002.parquet").write_bytes((source / "shard-0002.parquet").read_bytes()[:-100])
    with pytest.raises(RescoreRefused, match=r"shard-0002.parquet: not a whole Parquet file.*--skip-corrupt"):
        prepared(source, tmp_path / "out")
    skipping = msgspec.structs.replace(SMALL, skip_corrupt=True)
    manifest = rescore(prepared(source, tmp_path / "out", skipping), max_bad=0.5)
    assert [(each.path, each.group, each.rows) for each in manifest.corrupt] == [
        ("shard-0002.parquet", None, 0),
        ("shard-0001.parquet", 2, 250),
    ]
    assert (manifest.rows, manifest.bad) == (2_000, 250)
    (source / "shard-0002.parquet").unlink()
    with pytest.raises(RescoreRefused, match=r"shard-0001.parquet: row group 2 cannot be read"):
        rescore(prepared(source, tmp_path / "other"))


def test_columns_that_lie_outside_their_file_are_damage_of_it(tmp_path: Path) -> None:
    """The system would take where they are said to lie for a fault of the one who asks."""
    source = write_wallets(tmp_path / "in", 1_000, 2, 250)
    path = source / "shard-0001.parquet"
    data = path.read_bytes()
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") :]
    path.write_bytes(b"PAR1" + footer)
    with pytest.raises(RescoreRefused, match=r"shard-0001.parquet: row group 0 cannot be read"):
        rescore(prepared(source, tmp_path / "out"))
    skipping = msgspec.structs.replace(SMALL, skip_corrupt=True)
    manifest = rescore(prepared(source, tmp_path / "skipped", skipping), max_bad=0.5)
    assert (manifest.rows, manifest.bad, len(manifest.corrupt)) == (2_000, 1_000, 4)
    assert manifest.corrupt[-1].reason == "a column lies outside the file"


@pytest.mark.parametrize("skip_corrupt", [False, True])
def test_a_file_that_is_overwritten_while_it_is_read_has_changed_and_is_not_corrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip_corrupt: bool
) -> None:
    source = write_wallets(tmp_path / "in", 1_000, 1, 500)
    job = prepared(source, tmp_path / "out", msgspec.structs.replace(SMALL, skip_corrupt=skip_corrupt))
    expect = DiskFolder.expect

    def overwritten(folder: DiskFolder, opened: pa.OSFile, ranges: Sequence[Range]) -> None:
        with open(source / "shard-0000.parquet", "r+b") as file:
            file.write(b"\xff" * ranges[-1].end)
        expect(folder, opened, ranges)

    monkeypatch.setattr(DiskFolder, "expect", overwritten)
    with pytest.raises(RescoreRefused, match=r"shard-0000.parquet has changed since the job began"):
        rescore(job)


VALUES: dict[str, Any] = {"compression": "none", "use_dictionary": False, "write_statistics": False}
FORMS = {"differences": VALUES | {"column_encoding": "DELTA_BINARY_PACKED"}, "plain": VALUES}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("renamed", [False, True], ids=["in place", "renamed over it"])
def test_versions_of_a_file_that_is_replaced_while_it_is_read_are_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renamed: bool, form: str
) -> None:
    """Both are whole and alike but for values; the other comes when the first of two row groups is read. Numbers in differences are read by
    this project, others by Arrow."""
    tables = [pa.table({"id": range(2_000), "kind": pa.array([kind] * 2_000, pa.int64())}) for kind in (0, 1)]
    path, other = tmp_path / "in.parquet", tmp_path / "other.parquet"
    for table, place in zip(tables, (path, other), strict=True):
        pq.write_table(table, place, row_group_size=1_000, **FORMS[form])
    os.utime(path, ns=(1, 1))
    item = Characteristic(feature="kind", reason="K", edges=(1,), points=(5, 9), missing=1)
    card = Scorecard(name="kinds", version=1, characteristics=(item,))
    job = prepared(path, tmp_path / "out", Settings(wallet="id"), card)
    job = job._replace(
        job=msgspec.structs.replace(job.job, plan=msgspec.structs.replace(job.job.plan, batch_rows=1_024))
    )
    read = unit._row_group

    def replaced(opened: Any, group: int, names: list[str]) -> pa.Table:
        found = read(opened, group, names)
        if group == 0:
            if renamed:
                other.replace(path)
            else:
                path.write_bytes(other.read_bytes())
        return found

    monkeypatch.setattr(unit, "_row_group", replaced)
    if not renamed:
        with pytest.raises(RescoreRefused, match=r"in.parquet has changed since the job began"):
            rescore(job)
        return
    manifest = rescore(job)
    assert set(columns(tmp_path / "out", manifest).column("score").to_pylist()) == {5}


def without_files(limited: Callable[..., Any]) -> Callable[..., Any]:
    """Called while the process may open no further file."""

    def called(*given: Any) -> Any:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
        try:
            return limited(*given)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)

    return called


def no_memory(*_: Any, **__: Any) -> Any:
    raise pa.ArrowMemoryError("malloc of size 1048576 failed")


@pytest.mark.parametrize(
    ("owner", "name", "instead"),
    [
        (DiskFolder, "opened", without_files(DiskFolder.opened)),
        (pq.ParquetFile, "read_row_group", no_memory),
        (pq.ParquetFile, "iter_batches", no_memory),
    ],
    ids=["files", "memory", "memory, in batches"],
)
def test_what_the_machine_does_not_give_is_no_damage_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, instead: Any
) -> None:
    """However long it lasts: --skip-corrupt would leave out whole row groups."""
    source = write_wallets(tmp_path / "in", 1_000, 1, 250 if name == "iter_batches" else 1_000)
    job = prepared(source, tmp_path / "out", msgspec.structs.replace(SMALL, skip_corrupt=True))
    with monkeypatch.context() as scarce:
        scarce.setattr(owner, name, instead)
        with pytest.raises(RescoreRefused, match=r"shard-0000.parquet: the machine gives no more memory or files"):
            rescore(job, max_bad=1.0)
    assert rescore(job).bad == 0


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM, errno.EIO, errno.EACCES])
def test_a_footer_that_the_system_does_not_give_is_no_damage_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    source, tail = write_wallets(tmp_path / "in", 100, 2, 100), DiskFolder.tail

    def refuses(folder: DiskFolder, found: Found, size: int) -> bytes:
        if found.name == "shard-0001.parquet":
            raise OSError(number, os.strerror(number))
        return tail(folder, found, size)

    monkeypatch.setattr(DiskFolder, "tail", refuses)
    with pytest.raises(RescoreRefused, match=rf"in/shard-0001.parquet: .*{os.strerror(number)}"):
        prepared(source, tmp_path / "out", msgspec.structs.replace(SMALL, skip_corrupt=True))


def test_row_groups_are_read_whole_unless_one_is_larger_than_a_batch(tmp_path: Path) -> None:
    """The last one may be small; however large it is, a worker holds no more than a batch of it."""
    sizes = {"small": [90], "usual": [512, 300, 90], "large": [400, 400, 3_000], "tiny": [60] * 20}
    for name, groups in sizes.items():
        path = tmp_path / f"{name}.parquet"
        table = wallets_table(sum(groups), 1)
        with pq.ParquetWriter(path, table.schema) as file:
            for start, rows in zip(np.cumsum([0, *groups]).tolist(), groups, strict=False):
                file.write_table(table.slice(start, rows))
        given = prepared(path, tmp_path / "out")
        job = msgspec.structs.replace(given.job, plan=msgspec.structs.replace(given.job.plan, batch_rows=512))
        worker = Worker(job)
        batches = [batch.table for unit in given.units for batch in worker._batches(unit, [])]
        found = [each.num_rows for each in batches]
        assert pa.concat_tables(batches).column("wallet").equals(table.column("wallet"))
        assert found == groups if name in ("small", "usual") else max(found) == 512, name


@pytest.mark.parametrize("encoding", ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"])
def test_texts_in_the_encodings_of_version_2_are_read(tmp_path: Path, encoding: str) -> None:
    """Arrow decodes them, but into no dictionary."""
    kinds = [("a", "b", None)[row % 3] for row in range(3_000)]
    table = pa.table({"id": range(3_000), "kind": kinds, "region": [f"r{row % 7}" for row in range(3_000)]})
    encodings = {"kind": encoding, "region": encoding}
    pq.write_table(table, tmp_path / "delta.parquet", use_dictionary=False, column_encoding=encodings)
    pq.write_table(table, tmp_path / "plain.parquet")
    made = []
    for name in ("delta", "plain"):
        out = tmp_path / f"out-{name}"
        job = prepared(tmp_path / f"{name}.parquet", out, Settings(wallet="id", keep=("region",)), strict_card())
        made.append(columns(out, rescore(job)))
    assert made[0].num_rows == 3_000 and made[0].to_pydict() == made[1].to_pydict()


def test_a_text_that_is_no_utf_8_is_a_category_that_the_card_does_not_name(tmp_path: Path) -> None:
    item = msgspec.structs.replace(strict_card().characteristics[0], unknown=2)
    card = msgspec.structs.replace(strict_card(), characteristics=(item,))
    raw = pa.array([b"a", b"\xe9t\xe9", b"b", None] * 25_000, pa.binary())
    kinds = pa.StringArray.from_buffers(len(raw), raw.buffers()[1], raw.buffers()[2], raw.buffers()[0])
    pq.write_table(pa.table({"id": range(len(raw)), "kind": kinds}), tmp_path / "in.parquet")
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(wallet="id"), card))
    assert columns(tmp_path / "out", manifest).column("score").to_pylist() == [5, 2, 9, 1] * 25_000


def test_a_card_without_characteristics_gives_everybody_its_base(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": range(30_000)}), tmp_path / "in.parquet")
    card = Scorecard(name="empty", version=1, base=500, characteristics=())
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(wallet="id"), card))
    scored = columns(tmp_path / "out", manifest)
    assert set(scored.column("score").to_pylist()) == {500} and set(scored.column("reason_1").to_pylist()) == {None}


def test_a_worker_of_another_version_than_the_plans_is_refused_by_its_machine(tmp_path: Path) -> None:
    """As on a node of a cluster that has the image of before."""
    job = prepared(write_wallets(tmp_path / "in", 100, 1, 100), tmp_path / "out", Settings()).job
    other = msgspec.structs.replace(job, plan=msgspec.structs.replace(job.plan, code="0" * 16))
    with pytest.raises(
        RescoreRefused, match=rf"on {re.escape(platform.node())} is {job.plan.code}, not 0+, .* same version"
    ):
        make_worker(other)
