"""`shardpay rescore status`: how far a job is, from its folder alone."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from actors.storage.disk import DiskFolder
from switch.cli.main import cli
from switch.cli.rescore.status import _sentence
from tests.unit.switch.cli.rescore.running import job


def status(folder: Path, *more: str) -> Result:
    return CliRunner().invoke(cli, ["rescore", "status", str(folder), *more])


def test_a_finished_job_is_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = job(tmp_path, monkeypatch, 2_000)
    done = status(folder)
    assert done.exit_code == 0 and done.stdout.startswith("done: 2,000 rows, ")
    found = json.loads(status(folder, "--json").stdout)
    assert (found["state"], found["rows"]) == ("done", 2_000)
    assert found["scored"] + found["not_available"] + found["bad"] == 2_000


def test_a_folder_without_a_job_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("x")
    for folder in (tmp_path, tmp_path / "nothing"):
        done = status(folder)
        assert (done.exit_code, done.stdout) == (1, "") and done.stderr.count("\n") == 1, done.output
    assert status(Path("ftp:/") / "x").exit_code in (1, 2)


@pytest.mark.parametrize(
    ("error", "stated"),
    [
        (PermissionError(13, "Permission denied"), "not allowed"),
        (OSError(5, "Input/output error"), "once that is mended"),
    ],
)
def test_a_folder_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, stated: str
) -> None:
    folder = job(tmp_path, monkeypatch, 500)

    def refuses(*_: object) -> None:
        raise error

    monkeypatch.setattr(DiskFolder, "read", refuses)
    done = status(folder)
    assert (done.exit_code, done.stdout) == (1, "") and f"{folder}: " in done.stderr and stated in done.stderr


def test_a_manifest_of_another_version_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = job(tmp_path, monkeypatch, 500)
    (folder / "manifest.json").write_text("{}")
    done = status(folder)
    assert done.exit_code == 1 and "is not a manifest of this version" in done.stderr and done.stderr.count("\n") == 1


def found(**fields: Any) -> dict[str, Any]:
    made = {
        "state": "running",
        "rows_done": 5_000,
        "rows_total": 20_000,
        "scored": 4_000,
        "not_available": 999,
        "bad": 1,
    }
    return {**made, "rows_per_s": 1_234.5, "eta_s": 12.0, "at": "2026-11-24T12:00:00Z", **fields}


@pytest.mark.parametrize(
    ("fields", "rate"),
    [
        ({}, "1,234 rows/s, 12 s left"),
        ({"eta_s": None}, "1,234 rows/s"),
        ({"state": "stopped"}, "1,234 rows/s"),
    ],
)
def test_a_job_under_way_says_when_it_ends_if_it_goes_on(fields: dict[str, Any], rate: str) -> None:
    printed = _sentence(found(**fields))
    state = fields.get("state", "running")
    assert printed == (
        f"{state}: 5,000 of 20,000 rows (4,000 scored, 999 not available, 1 bad), {rate}, as of 2026-11-24T12:00:00Z"
    )


def test_msgspec_names_of_a_status_are_those_that_are_told() -> None:
    from actors.rescore.output import Status

    assert set(found()) - {"state"} <= {field.name for field in msgspec.structs.fields(Status)}
