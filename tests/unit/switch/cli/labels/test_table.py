"""`shardpay labels table` says in one line what is wrong, before it writes anything."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.main import cli


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--output", "out.parquet"), 2, "Missing option '--input'"),
        (("--input", "lake", "--output", "out.parquet"), 1, "lake is no export: it has no _manifest.json"),
        (("--input", "lake", "--output", "none/out.parquet"), 2, "there is no folder none"),
        (("--input", "lake", "--output", "labels.csv", "--labels", "labels.csv"), 2, "would be written over the file"),
        (("--input", "lake", "--output", "out.parquet", "--labels", "labels.csv"), 1, "no column 'label'"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lake").mkdir()
    (tmp_path / "labels.csv").write_text("id,fraud\n")
    done = CliRunner().invoke(cli, ["labels", "table", *arguments])
    assert (done.exit_code, message in done.output) == (code, True), done.output
    assert not (tmp_path / "out.parquet").exists()
