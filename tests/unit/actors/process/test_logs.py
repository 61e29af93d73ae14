"""What a process logs goes to its file alone, a line each with time, level and process, of bounded size."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.process import logs
from actors.process.logs import log_to_file


@pytest.fixture(autouse=True)
def _root_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [each for each in root.handlers if each not in handlers]:
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)


def test_lines_say_when_how_grave_from_which_process_and_module(tmp_path: Path) -> None:
    log_to_file(tmp_path / "log" / "shard-0.log")
    logging.getLogger("actors.shard").warning("took %d ms", 7)
    logging.getLogger("actors.shard").debug("not of interest")
    (line,) = (tmp_path / "log" / "shard-0.log").read_text().splitlines()
    assert line.endswith(f"WARNING {os.getpid()} actors.shard: took 7 ms") and line[:4].isdigit()


def test_a_filter_may_end_a_line_with_a_trace(tmp_path: Path) -> None:
    class Traced(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            record.trace = " trace_id=7"
            return True

    log_to_file(tmp_path / "a.log", filters=[Traced()])
    logging.getLogger("x").info("paid")
    assert (tmp_path / "a.log").read_text().endswith("x: paid trace_id=7\n")


def test_a_level_that_is_asked_for_is_kept(tmp_path: Path) -> None:
    log_to_file(tmp_path / "a.log", logging.DEBUG)
    logging.getLogger("x").debug("of interest")
    assert "of interest" in (tmp_path / "a.log").read_text()


def test_nothing_goes_to_the_terminal_and_a_second_file_replaces_the_first(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logging.basicConfig(force=True)
    log_to_file(tmp_path / "first.log")
    log_to_file(tmp_path / "second.log")
    logging.getLogger("x").error("gone wrong")
    assert (tmp_path / "first.log").read_text() == "" and "gone wrong" in (tmp_path / "second.log").read_text()
    assert capfd.readouterr() == ("", "")


def test_files_are_rotated_and_a_bounded_number_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOG_BYTES_MAX", 1_000)
    log_to_file(tmp_path / "a.log")
    for number in range(300):
        logging.getLogger("x").info("line %d", number)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["a.log", *(f"a.log.{at}" for at in range(1, logs.LOG_FILES + 1))]
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.iterdir())
    assert "line 299" in (tmp_path / "a.log").read_text()
