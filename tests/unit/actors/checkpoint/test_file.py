"""A checkpoint's file is whole or none: what was written comes back, and what is cut, changed or of another form is refused."""

import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from actors.checkpoint import file as checkpoint
from actors.checkpoint.file import KEPT, About, CheckpointStore, decode_forms, encode_forms
from actors.ledger.arrays import ArraySpec, forms_of
from actors.records.layout import RECORD

PAIR = np.dtype([("a", "<i8"), ("b", "u1"), ("c", "<u2", (3,))])
ARRAYS = {
    "numbers": np.arange(1_000, dtype=np.int64),
    "none": np.zeros(0, PAIR),
    "pairs": np.zeros(7, PAIR),
    "table": np.arange(12.0).reshape(3, 4),
}


def about(block: int = 7) -> About:
    return About(
        version=checkpoint.VERSION,
        shard=3,
        shards=4,
        windows=False,
        block=block,
        hash=b"h" * 32,
        keys_since_ms=5,
        cursors={1: (2, b"c" * 16)},
    )


def bytes_of(arrays: dict[str, Any]) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(b"".join(array.tobytes() for array in arrays.values())))


def store(path: Path) -> CheckpointStore:
    return CheckpointStore(path.as_uri(), 3)


def written(path: Path, arrays: dict[str, Any] = ARRAYS, block: int = 7) -> Path:
    store(path).write(about(block), forms_of(arrays), bytes_of(arrays))
    return Path(store(path).names()[0])


def places(arrays: dict[str, Any] = ARRAYS) -> dict[str, Any]:
    return {name: np.zeros_like(array) for name, array in arrays.items()}


@pytest.mark.parametrize("piece", [1, 24, 1_000, 1 << 20])
def test_what_was_written_comes_back_in_pieces_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(checkpoint, "PIECE_BYTES", piece)
    arrays: dict[str, Any] = ARRAYS if piece > 1 else {"few": np.arange(5)}
    found, filled = store(tmp_path).read(str(written(tmp_path, arrays))), places(arrays)
    assert found.about == about() and found.forms == forms_of(arrays)
    found.fill(filled)
    for name, array in arrays.items():
        np.testing.assert_array_equal(filled[name], array)


def test_forms_come_back_with_every_type_that_a_ledger_has() -> None:
    forms = {
        "record": ArraySpec(RECORD, (5,)),
        "pair": ArraySpec(PAIR, (0,)),
        "table": ArraySpec(np.dtype("<u8"), (3, 4)),
        "flags": ArraySpec(np.dtype(np.bool_), ()),
    }
    assert decode_forms(encode_forms(forms)) == forms and list(decode_forms(encode_forms(forms))) == list(forms)


def test_forms_are_no_code() -> None:
    with pytest.raises(ValueError, match=r"malformed|literal"):
        decode_forms(msgspec.msgpack.encode({"a": ("__import__('os').getpid()", [1])}))


@pytest.mark.parametrize("missing", [1, 100, 8_000])
def test_when_bytes_are_missing_nothing_is_stored(tmp_path: Path, missing: int) -> None:
    data = b"".join(array.tobytes() for array in ARRAYS.values())[:-missing]
    source: io.BufferedReader = io.BufferedReader(io.BytesIO(data))
    with pytest.raises(EOFError, match="end too early"):
        store(tmp_path).write(about(), forms_of(ARRAYS), source)
    assert store(tmp_path).names() == []


@pytest.mark.parametrize("left", [0.0, 0.3, 0.9])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, left: float) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[: int(left * path.stat().st_size)])
    with pytest.raises(Exception, match=r"\S"):
        store(tmp_path).read(str(path)).fill(places())


def test_a_piece_that_was_changed_or_is_of_another_checkpoint_is_refused(tmp_path: Path) -> None:
    changed = {**ARRAYS, "numbers": ARRAYS["numbers"] + 1}
    one, other = written(tmp_path / "a"), written(tmp_path / "b", changed)
    data, theirs = one.read_bytes(), other.read_bytes()
    assert len(data) > 500 and data != theirs
    middle = len(data) // 2
    other.write_bytes(data[:middle] + theirs[middle:])
    with pytest.raises(Exception, match=r"\S"):
        store(tmp_path / "b").read(str(other)).fill(places())


def test_places_of_another_size_are_not_filled_silently(tmp_path: Path) -> None:
    found = store(tmp_path).read(str(written(tmp_path)))
    with pytest.raises(ValueError, match=r"\S"):
        found.fill({**places(), "numbers": np.zeros(999, np.int64)})


def test_only_the_newest_are_kept_and_those_of_a_journal_that_went_back_go(tmp_path: Path) -> None:
    for block in (900, 1_000, 600, 700, 800):
        written(tmp_path, {"one": np.ones(3)}, block)
    (tmp_path / "shard-3" / "notes.txt").write_text("of somebody else")
    names = store(tmp_path).names()
    assert [store(tmp_path).read(name).about.block for name in names] == [800, 700][:KEPT]
    assert (tmp_path / "shard-3" / "notes.txt").exists()


def test_a_shard_without_a_folder_has_none(tmp_path: Path) -> None:
    written(tmp_path)
    assert CheckpointStore(tmp_path.as_uri(), 4).names() == []
