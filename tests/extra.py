"""Packages of an extra that some tests need. To look whether one is there does not load it, which takes seconds in each worker."""

from importlib.util import find_spec

import pytest


def needs(package: str, reason: str = "") -> None:
    """Skip the module that calls this while its tests are collected, where a package is not installed."""
    if find_spec(package) is None:
        pytest.skip(reason or f"{package} is not installed", allow_module_level=True)
