"""Which lines of the changed files a test comes through: a change elsewhere it cannot notice."""

import contextlib
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

Lines = dict[str, set[int]]

CALLS_MAX: Final = 300
"""Of a function: after that, all its lines count as seen, for to look at each of a million of them takes longer than the tests."""


@contextlib.contextmanager
def lines_seen(root: Path, paths: list[str]) -> Iterator[Lines]:
    """The lines of these files below `root` that are come through meanwhile, by path."""
    seen: Lines = {path: set() for path in paths}
    by_file = {str(root / path): seen[path] for path in paths}
    calls: Counter[CodeType] = Counter()

    def enter(frame: FrameType, _event: str, _arg: Any) -> Any:
        code = frame.f_code
        lines = by_file.get(code.co_filename)
        if lines is None:
            return None
        calls[code] += 1
        if calls[code] >= CALLS_MAX:
            if calls[code] == CALLS_MAX:
                lines.update(line for *_, line in code.co_lines() if line is not None)
            return None
        note = lines.add

        def go_on(frame: FrameType, _event: str, _arg: Any) -> Any:
            note(frame.f_lineno)
            return go_on

        return go_on

    before = sys.gettrace()
    threading.settrace(enter)
    sys.settrace(enter)
    try:
        yield seen
    finally:
        sys.settrace(before)
        threading.settrace(before)
