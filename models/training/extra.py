"""Import what only training needs when training is asked for.

Its absence is one line that names what to install.
"""

import importlib
import logging
from typing import Any


class MissingExtra(RuntimeError):
    """Training was asked for where the extra `train` is not installed."""


def optional_module(name: str) -> Any:
    """A module of the extra, imported in silence: some log to standard output what they could not import."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtra(f"training needs {error.name}: .venv/bin/pip install -e '.[train]' in the clone") from None
    finally:
        logging.disable(disabled)
