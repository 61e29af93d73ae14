"""Scores of a finished run are read from the parts of its manifest, and wallets as what they store."""

from pathlib import Path

import pyarrow as pa
import pytest

from actors.rescore.job import RescoreRefused
from actors.rescore.scores import NO_SCORE, scores_of, stored
from tests.rescore_files import write_wallets
from tests.unit.actors.rescore.jobs import columns, output_at, prepared, rescore


def test_wallets_and_scores_are_those_of_all_parts_in_their_order(tmp_path: Path) -> None:
    manifest = rescore(prepared(write_wallets(tmp_path / "in", 1_500, 2, 400), tmp_path / "out"))
    assert len(manifest.parts) > 1
    wallets, scores = scores_of(output_at(tmp_path / "out"), manifest)
    table = columns(tmp_path / "out", manifest)
    assert wallets.to_pylist() == table.column("wallet").to_pylist()
    given = table.column("score").to_pylist()
    assert scores.tolist() == [NO_SCORE if score is None else score for score in given] and None in given


def test_a_file_that_the_manifest_does_not_name_is_not_read(tmp_path: Path) -> None:
    manifest = rescore(prepared(write_wallets(tmp_path / "in", 100, 1, 100), tmp_path / "out"))
    part = tmp_path / "out" / manifest.parts[0].file
    part.with_name("999999.parquet").write_bytes(part.read_bytes())
    assert len(scores_of(output_at(tmp_path / "out"), manifest)[1]) == 100


def test_a_run_without_rows_has_no_wallets(tmp_path: Path) -> None:
    manifest = rescore(prepared(write_wallets(tmp_path / "in", 0, 1, 100), tmp_path / "out"))
    wallets, scores = scores_of(output_at(tmp_path / "out"), manifest)
    assert len(wallets) == len(scores) == 0


def test_a_part_that_is_gone_cut_off_or_overwritten_is_refused_by_its_name(tmp_path: Path) -> None:
    manifest = rescore(prepared(write_wallets(tmp_path / "in", 100, 1, 100), tmp_path / "out"))
    part = tmp_path / "out" / manifest.parts[0].file
    written = part.read_bytes()
    for data, stated in (
        (None, "000000.parquet is gone: this result is not whole; score into a new folder"),
        (written[:-1], "000000.parquet has [0-9,]+ bytes, and [0-9,]+ by the manifest: this result is not whole"),
        (bytes(len(written)), r"000000.parquet cannot be read \(.*magic bytes.*\); score into a new folder"),
    ):
        part.unlink(missing_ok=True)
        if data is not None:
            part.write_bytes(data)
        with pytest.raises(RescoreRefused, match=stated):
            scores_of(output_at(tmp_path / "out"), manifest)


UUIDS = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16), None], pa.binary(16)))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["a", None]), pa.string()),
        (pa.array(["a", None], pa.large_string()), pa.string()),
        (pa.array(["a", None], pa.string_view()), pa.string()),
        (pa.array(["a", None]).dictionary_encode(), pa.string()),
        (pa.array([7, None]), pa.int64()),
        (UUIDS, pa.binary(16)),
    ],
    ids=["text", "large text", "text view", "dictionary", "numbers", "uuid"],
)
def test_wallets_of_two_tables_can_be_compared_whatever_wrote_them(column: pa.Array, expected: pa.DataType) -> None:
    found = stored(pa.chunked_array([column, column]))
    assert found.type == expected and len(found) == 4 and found.null_count == 2
    plain = column.storage if isinstance(column, pa.ExtensionArray) else column
    assert found.to_pylist() == plain.to_pylist() * 2
