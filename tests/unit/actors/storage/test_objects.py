"""What is of an object store alone: which URLs are folders, how keys are named, and what its errors are taken for.

What holds of every folder is tests/contract/test_folders_of_files.py's, against a server.
"""

import pickle
from typing import Any

import pytest
from obstore.exceptions import BaseError, NotFoundError

from actors.storage.interface import Found, Range, StorageRefused
from actors.storage.objects import BUFFER_BYTES, PATIENCE_S, ObjectFolder, _number
from tests.unit.actors.storage.listing_server import bucket_of


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        ("s3://bureau", "bureau", ""),
        ("s3://bureau/", "bureau", ""),
        ("s3://a.b-c9/x/y/", "a.b-c9", "x/y"),
        ("s3://bureau//x", "bureau", "x"),
    ],
)
def test_a_url_is_a_bucket_and_a_prefix(url: str, bucket: str, prefix: str) -> None:
    folder = ObjectFolder(url)
    assert (folder.bucket, folder.prefix) == (bucket, prefix)
    assert str(folder) == f"s3://{bucket}/{prefix}".rstrip("/")


@pytest.mark.parametrize(
    "url", ["s3://", "s3://a", "s3://UPPER/x", "s3:/bureau", "http://bureau", "s3://-a/b", "s3://a_b/c"]
)
def test_what_is_no_such_url_is_refused(url: str) -> None:
    with pytest.raises(StorageRefused, match=r"an object store's folder is s3://BUCKET/PREFIX"):
        ObjectFolder(url)


@pytest.mark.parametrize("url", ["s3://bureau/a//b", "s3://bureau/../a", "s3://bureau/a/.", "s3://bureau/a\x07b"])
def test_a_prefix_that_is_no_path_is_refused(url: str) -> None:
    with pytest.raises(StorageRefused, match="between two slashes stands no name"):
        ObjectFolder(url)


@pytest.mark.parametrize(
    ("keys", "top", "files"),
    [
        ({"out/": 0}, [], []),
        ({"out/": 0, "out2/x": 3}, [], []),
        ({"out/": 0, "out/a": 3, "out/b/": 0, "out/b/c": 0}, ["a", "b"], ["a", "b/c"]),
        ({"out/a.parquet/": 0, "out/a.parquet/b/": 0, "out/a.parquet/b/c": 1}, ["a.parquet"], ["a.parquet/b/c"]),
        ({"out/ü#+? %20": 3, "out/x\\y": 3}, ["x\\y", "ü#+? %20"], ["x\\y", "ü#+? %20"]),
    ],
)
def test_markers_of_folders_are_no_files(
    monkeypatch: pytest.MonkeyPatch, keys: dict[str, int], top: list[str], files: list[str]
) -> None:
    """The console of a store makes such a marker with a folder."""
    with bucket_of(keys, monkeypatch):
        folder = ObjectFolder("s3://bucket/out", 2.0)
        assert (folder.top(), [each.name for each in folder.files()]) == (top, files)
        assert [each.name for each in folder.files("b")] == [name for name in files if name.startswith("b/")]


def test_a_key_that_is_no_path_is_told_by_its_name_and_not_as_a_store_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with bucket_of({"out//x": 3}, monkeypatch):
        folder = ObjectFolder("s3://bucket/out", 2.0)
        for look in (folder.top, folder.files):
            with pytest.raises(StorageRefused, match=r'^s3://bucket/out: an object in it .*"out//') as refused:
                look()
            assert "--store-patience" not in str(refused.value)


@pytest.mark.parametrize(
    ("one", "other", "holds"),
    [
        ("s3://bureau/a", "s3://bureau/a", True),
        ("s3://bureau/a", "s3://bureau/a/b", True),
        ("s3://bureau", "s3://bureau/a", True),
        ("s3://bureau/a", "s3://bureau/ab", False),
        ("s3://bureau/a/b", "s3://bureau/a", False),
        ("s3://bureau/a", "s3://other/a", False),
    ],
)
def test_a_folder_holds_what_is_below_its_prefix(one: str, other: str, holds: bool) -> None:
    assert ObjectFolder(one).holds(ObjectFolder(other)) is holds


@pytest.mark.parametrize(("url", "name", "key"), [("s3://bureau", "a/b", "a/b"), ("s3://bureau/x/y", "a", "x/y/a")])
def test_names_are_keys_below_the_prefix_and_back(url: str, name: str, key: str) -> None:
    folder = ObjectFolder(url)
    assert folder._key(name) == key and folder._name(key) == name
    assert folder._key("") == folder.prefix
    meta = {"path": key, "size": 7, "e_tag": '"tag"'}
    assert folder._found(meta) == Found(name, 7, '"tag"')


def test_a_folder_travels_to_workers_with_its_patience() -> None:
    folder = pickle.loads(pickle.dumps(ObjectFolder("s3://bureau/a", 7.5)))
    assert (str(folder), folder._patience_s) == ("s3://bureau/a", 7.5) and ObjectFolder(
        "s3://x-y"
    )._patience_s == PATIENCE_S


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (NotFoundError("no such key"), FileNotFoundError, "s3://bureau/p/a"),
        (FileNotFoundError("no such key"), FileNotFoundError, "s3://bureau/p/a"),
        (NotFoundError("<Code>NoSuchBucket</Code>"), StorageRefused, "there is no bucket bureau"),
        (BaseError("403 <Code>AccessDenied</Code>"), StorageRefused, "s3://bureau/p/a: access denied"),
    ],
)
def test_errors_of_the_client_are_those_of_a_folder(error: BaseException, kind: Any, says: str) -> None:
    folder = ObjectFolder("s3://bureau/p")
    with pytest.raises(kind, match=says), folder._explained("a"):
        raise error


def test_other_errors_are_their_own() -> None:
    with pytest.raises(ZeroDivisionError), ObjectFolder("s3://bureau")._explained("a"):
        raise ZeroDivisionError


def test_of_what_is_expected_the_first_buffer_of_each_is_fetched() -> None:
    class Opened:
        def expect(self, ranges: list[Range]) -> None:
            self.ranges = ranges

    opened = Opened()
    ObjectFolder("s3://bureau").expect(opened, [Range(0, 10), Range(100, 100 + 3 * BUFFER_BYTES)])
    assert opened.ranges == [Range(0, 10), Range(100, 100 + BUFFER_BYTES)]


def test_a_staged_object_lies_in_a_file_without_a_name_that_goes_with_it() -> None:
    staged = ObjectFolder("s3://bureau").stage("work/a")
    assert isinstance(staged._file.name, int)
    staged.sink.write(b"1234")
    staged.begin_sync()
    staged.drop()
    staged.drop()
    assert staged.sink.closed


@pytest.mark.parametrize(("name", "number"), [("work/lease/000001", 1), ("work/lease/1000000", 1_000_000)])
def test_objects_of_a_lease_are_known_by_their_numbers(name: str, number: int) -> None:
    assert _number(Found(name, 0, "")) == number
