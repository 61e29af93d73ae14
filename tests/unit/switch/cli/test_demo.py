"""`shardpay demo`: a folder of its own, commands that are shown as they are run, and their words when they fail."""

import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from switch.cli import demo
from switch.cli.demo import _Demo, _folder, _indented


@pytest.fixture
def made(tmp_path: Path) -> _Demo:
    return _Demo(tmp_path, "http://127.0.0.1:9")


def test_a_folder_that_is_named_is_new_or_empty_and_stays(tmp_path: Path) -> None:
    with _folder(tmp_path / "new" / "deep") as folder:
        (folder / "x").write_text("x")
    assert (tmp_path / "new" / "deep" / "x").exists()
    with pytest.raises(click.UsageError, match="is not empty"), _folder(tmp_path / "new"):
        pass


def test_a_folder_of_nobodys_goes_with_what_is_in_it() -> None:
    with _folder(None) as folder:
        (folder / "x").write_text("x")
        assert folder.stat().st_mode & 0o777 == 0o711, "another user passes through, and looks at nothing"
    assert not folder.exists()


def test_a_command_is_shown_and_gets_key_place_and_url_from_its_environment(
    made: _Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "python"
    script.write_text('#!/bin/sh\necho "$SHARDPAY_URL $SHARDPAY_DATA $3 $4"; echo "$SHARDPAY_API_KEY" > "$0.key"\n')
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    assert made._run("import", 7) == f"http://127.0.0.1:9 {tmp_path / 'switch'} import 7"
    key = script.with_name("python.key").read_text().strip()
    shown = capsys.readouterr().out
    assert key.startswith("sp_demo_") and "$ shardpay import 7" in shown and key not in shown


def test_a_command_that_fails_ends_the_demo_with_its_own_words(
    made: _Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho out; echo 'Error: no' >&2; exit 3\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(click.ClickException, match="shardpay import ended with 3: Error: no"):
        made._run("import", "x")


def test_a_switch_that_does_not_start_is_told_at_once_with_its_log(
    made: _Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 'the port is taken' >&2; exit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr(demo, "LOOK_S", 0.05)
    with pytest.raises(click.ClickException, match=r"see .*serve-output\.log"), made.switch(9):
        raise AssertionError("nothing runs")
    assert (tmp_path / "serve-output.log").read_text() == "the port is taken\n"


def test_a_port_that_another_switch_has_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server((demo.HOST, 0)) as other:
        port = other.getsockname()[1]
        done = CliRunner().invoke(demo.demo_command, ["--port", str(port), "--data", str(tmp_path / "new")])
    assert done.exit_code == 1 and f"port {port} of {demo.HOST}" in done.stderr and "--port 8081" in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_switch_that_has_ended_is_not_ready_because_another_one_answers(tmp_path: Path) -> None:
    with HTTPServer((demo.HOST, 0), _Ready) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        ended = subprocess.Popen(["true"])
        ended.wait()
        try:
            with pytest.raises(click.ClickException, match="does not start"):
                _Demo(tmp_path, f"http://{demo.HOST}:{other.server_port}")._wait(ended)
        finally:
            other.shutdown()


class _Ready(BaseHTTPRequestHandler):
    """Another switch: it is ready."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_what_commands_print_stands_below_their_step() -> None:
    assert _indented("a\nb\n") == "  a\n  b" and _indented("") == "" and sys.executable
