"""What holds of a folder of files on a disk and in an object store: whole or absent, ranges of one version, one holder of the lease."""

import hashlib
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.storage import lease, objects
from actors.storage.interface import Changed, Folder, LeaseLost, StorageRefused, Taken
from actors.storage.place import folder_at, source_at
from actors.storage.ranges import TAIL_BYTES
from tests.object_store import BUCKET, ObjectStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    store = ObjectStore(tmp_path_factory.mktemp("objects"))
    yield store
    store.end()


@pytest.fixture(params=["disk", "objects"])
def folder(
    request: pytest.FixtureRequest, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Folder:
    for name, value in store.environment().items():
        monkeypatch.setenv(name, value)
    return folder_at(tmp_path / "a" if request.param == "disk" else f"s3://{BUCKET}{tmp_path}/a")


def test_files_are_listed_read_replaced_and_dropped(folder: Folder) -> None:
    folder.check()
    assert folder.top() == [] and folder.files() == []
    folder.write("b/c/d", b"1")
    folder.write("b/a", b"22")
    folder.write("e", b"")
    folder.note("n/o", b"5")
    assert folder.top() == ["b", "e", "n"]
    assert [(each.name, each.bytes) for each in folder.files()] == [("b/a", 2), ("b/c/d", 1), ("e", 0), ("n/o", 1)]
    assert [each.name for each in folder.files("b")] == ["b/a", "b/c/d"]
    assert folder.files("bb") == []
    folder.write("b/a", b"333")
    assert folder.read("b/a") == b"333" and folder.stat("b/a") == folder.files("b")[0]
    folder.remove(["e", "gone"])
    folder.drop("b")
    folder.drop("never")
    assert folder.top() == ["n"]
    for missing in (folder.read, folder.stat):
        with pytest.raises(FileNotFoundError):
            missing("b/a")


def test_a_file_is_created_once_and_its_writer_may_try_again(folder: Folder) -> None:
    assert folder.create("manifest", b"mine") and folder.create("manifest", b"mine")
    assert not folder.create("manifest", b"theirs")
    assert folder.read("manifest") == b"mine"


def test_a_staged_file_is_seen_when_it_is_placed_and_not_before(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "UPLOAD_BYTES", 5 << 20)
    table = pa.table({"n": np.random.default_rng(1).integers(0, 2**60, 900_000)})
    for name in ("kept", "dropped"):
        staged = folder.stage(f"work/{name}")
        with pq.ParquetWriter(staged.sink, table.schema) as writer:
            writer.write_table(table)
        assert f"parts/{name}" not in [each.name for each in folder.files()]
        if name == "dropped":
            staged.drop()
            continue
        placed = staged.place("parts/kept")
    found = folder.files()
    assert [(each.name, each.bytes) for each in found] == [("parts/kept", placed.bytes)] and placed.bytes > 5 << 20
    assert hashlib.sha256(folder.read("parts/kept")).hexdigest() == placed.sha256
    assert pq.read_table(folder.opened(found[0])).equals(table)


def test_a_file_is_read_as_it_was_when_it_was_looked_at(folder: Folder) -> None:
    data = bytes(at * 7 % 251 for at in range(3 * TAIL_BYTES))
    folder.write("a", data)
    found = folder.stat("a")
    opened = pickle.loads(pickle.dumps(folder)).opened(found)
    file = opened
    for start, size in ((0, 5), (len(data) - 20, 100), (len(data) - TAIL_BYTES - 3, 6), (10, 0), (len(data), 1)):
        file.seek(start)
        assert bytes(file.read(size)) == data[start : start + size] and file.tell() == min(start + size, len(data))
    assert bytes(file.read()) == b"" and file.seek(-4, 2) == len(data) - 4
    folder.check_unchanged(file, found)
    file.close()
    assert folder.tail(found, 9) == data[-9:] and folder.tail(found, 10**6) == data
    folder.write("a", data + b"more")
    with pytest.raises(Changed, match="a"):
        again = folder.opened(found)
        again.seek(0)
        again.read(10)


def test_one_process_at_a_time_holds_the_lease(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_S", 0.0)
    monkeypatch.setattr(lease, "LEASE_S", 0.1)
    monkeypatch.setattr(lease, "LOOK_S", 0.01)
    assert folder.holder("work/lease") is None
    held = folder.lease("work/lease")
    owner = folder.holder("work/lease")
    assert owner is not None and owner.pid > 0 and owner.host
    if isinstance(folder, type(folder_at("/"))):
        with pytest.raises(Taken) as refused:
            folder.lease("work/lease")
        assert refused.value.args == (owner,)
        held.keep()
    else:
        folder.lease("work/lease").keep()
        with pytest.raises(LeaseLost):
            held.keep()
        folder.drop("work")
    held.give_back()
    assert folder.holder("work/lease") is None
    folder.lease("work/lease").give_back()


def test_a_source_is_a_file_or_all_files_of_a_folder(folder: Folder) -> None:
    folder.write("in/b", b"2")
    folder.write("in/a", b"1")
    whole, alone, nothing = (source_at(f"{folder}{below}") for below in ("/in", "/in/a", "/on"))
    assert [each.name for each in whole.files] == ["a", "b"] and not whole.alone
    assert [each.name for each in alone.files] == ["a"] and alone.alone and str(alone.folder) == f"{folder}/in"
    assert not nothing.files
    assert folder.holds(whole.folder) and not whole.folder.holds(folder) and not nothing.folder.holds(whole.folder)


def test_a_store_that_refuses_says_what_would_help(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in store.environment().items():
        monkeypatch.setenv(name, value)
    for url in ("s3://nowhere", "s3://nowhere/in/a.parquet"):
        with pytest.raises(
            StorageRefused, match=rf"{url}.*: there is no bucket nowhere at http://127.*AWS_ENDPOINT_URL"
        ):
            source_at(url)
        with pytest.raises(StorageRefused, match="there is no bucket nowhere"):
            folder_at(url).write("a", b"1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StorageRefused, match=r"s3://bureau/a/b: http://127.0.0.1:9 does not answer .*--store-patience"):
        folder_at("s3://bureau/a", patience_s=0.1).read("b")
