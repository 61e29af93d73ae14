"""One run at a time writes features into a folder, and nothing else is touched in it."""

import os
from pathlib import Path
from typing import Any

import pytest

from actors.credit_features.extract import LEASE, MANIFEST, Extraction, FeaturesRefused, Journals, run, shard_file


def job_into(output: Path) -> Extraction:
    return Extraction(output=output, as_of=0, journals=Journals(url="", secret=b"", heads={0: 1}, at_ms=0))


def nothing(job: Any, work: Any, shards: list[int]) -> list[Any]:
    return []


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_second_run_into_the_same_folder_is_refused_while_the_first_works(tmp_path: Path) -> None:
    job, seen = job_into(tmp_path / "features"), []

    def meanwhile(_: Any, work: Any, shards: list[int]) -> list[Any]:
        shard_file(job.output, 0).write_bytes(b"of the first")
        with pytest.raises(
            FeaturesRefused, match=f"is being written by process {os.getpid()} on .*: one run at a time"
        ):
            run(job, nothing)
        seen.append(shard_file(job.output, 0).read_bytes())
        return []

    run(job, meanwhile)
    assert set(seen) == {b"of the first"}
    assert MANIFEST in names(job.output) and LEASE not in names(job.output)


def test_what_a_killed_run_left_is_in_nobodys_way(tmp_path: Path) -> None:
    job = job_into(tmp_path)
    (tmp_path / LEASE).write_bytes(b"of a process that is gone")
    shard_file(tmp_path, 7).write_bytes(b"half")
    run(job, nothing)
    assert names(tmp_path) == [MANIFEST]


def test_a_folder_with_other_files_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FeaturesRefused, match=r"not empty \(notes.txt\)"):
        run(job_into(tmp_path), nothing)
    assert names(tmp_path) == ["notes.txt"]
