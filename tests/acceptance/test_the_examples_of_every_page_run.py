"""Every page of docs/, typed from its top to its end beside a switch with its sample; tests/pages.py names what is not, with the reason."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.acceptance.reader import Reader
from tests.acceptance.reader_files import write_files
from tests.acceptance.running import RunningSwitch, audit_is_clean, running_switch
from tests.pages import PAGES, typed

SAMPLE_WITHIN_S: Final = 60.0
"""After the switch is ready: scores load kernels."""


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSwitch]:
    """As `make run` starts it. Whatever the pages did, its books are right in the end."""
    data: Path = tmp_path_factory.mktemp("clone") / "data"
    with running_switch(data, "--sample") as started:
        ends = time.monotonic() + SAMPLE_WITHIN_S
        while "A hotel's question" not in (data / "serve-output.log").read_text():
            assert time.monotonic() < ends
            time.sleep(0.1)
        yield started
        audit_is_clean(started)


@pytest.mark.parametrize("page", [page for page in PAGES if typed(page)])
def test_a_page_is_typed_from_its_top_to_its_end(page: str, switch: RunningSwitch, tmp_path: Path) -> None:
    write_files(tmp_path)
    reader = Reader(tmp_path, switch)
    try:
        for block in typed(page):
            reader.take(block)
    finally:
        reader.end()
