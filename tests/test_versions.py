"""What is installed is what requirements.txt pins, so that the two commands do next month what they do today."""

import os
import re
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

TEXT = (Path(__file__).parents[1] / "requirements.txt").read_text(encoding="utf-8")
OWN = {"shardpay", "pip", "uv"}
"""Not from requirements.txt: the project, and what installs and resolves."""


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def _pinned() -> dict[str, str]:
    lines = re.findall(r"^([A-Za-z0-9][^\\\n]*?)\s*\\?$", TEXT, re.MULTILINE)
    wanted = [Requirement(line) for line in lines]
    chosen = [w for w in wanted if w.marker is None or w.marker.evaluate()]
    return {_name(w.name): str(w.specifier).removeprefix("==") for w in chosen}


def test_each_pinned_package_has_a_version_and_hashes() -> None:
    packages = [part for part in re.split(r"^(?=[A-Za-z0-9])", TEXT, flags=re.MULTILINE)[1:]]
    assert len(packages) > 50
    for package in packages:
        assert "==" in package.splitlines()[0]
        assert "--hash=sha256:" in package


@pytest.mark.skipif(
    os.environ.get("SHARDPAY_VERSIONS") == "other", reason="runs on other versions than the pinned ones"
)
def test_what_is_installed_is_what_is_pinned() -> None:
    pinned = _pinned()
    found = {_name(d.name): d.version for d in distributions()}
    strays = {n: v for n, v in found.items() if n not in OWN and n in pinned and pinned[n] != v}
    assert not strays
    assert {n for n in pinned if n not in found} == set()
