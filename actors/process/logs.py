"""Log files of a switch's processes, one a process role.

The terminal belongs to people.
"""

import logging
import logging.handlers
from collections.abc import Iterable
from pathlib import Path

LOG_BYTES_MAX = 10_000_000
LOG_FILES = 3
LINE = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s%(trace)s"


def log_to_file(path: Path, level: int = logging.INFO, filters: Iterable[logging.Filter] = ()) -> None:
    """Send everything logged in this process to a file that is rotated by size. What a filter writes into `trace` ends a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=LOG_BYTES_MAX, backupCount=LOG_FILES)
    for each in filters:
        handler.addFilter(each)
    handler.setFormatter(logging.Formatter(LINE, defaults={"trace": ""}))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level)
