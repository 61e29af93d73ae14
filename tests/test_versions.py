"""What is installed is what requirements.txt pins, so that the two commands do next month what they do today."""

import os
import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "requirements.txt").read_text(encoding="utf-8")
SITE = (ROOT / "requirements-site.txt").read_text(encoding="utf-8")
OWN = {"shardpay", "pip", "uv"}
"""Not from requirements.txt: the project, and what installs and resolves."""


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def _pinned(text: str = TEXT) -> dict[str, str]:
    lines = re.findall(r"^([A-Za-z0-9][^\\\n]*?)\s*\\?$", text, re.MULTILINE)
    wanted = [Requirement(line) for line in lines]
    chosen = [w for w in wanted if w.marker is None or w.marker.evaluate()]
    return {_name(w.name): str(w.specifier).removeprefix("==") for w in chosen}


@pytest.mark.parametrize(("text", "least"), [(TEXT, 50), (SITE, 20)])
def test_each_pinned_package_has_a_version_and_hashes(text: str, least: int) -> None:
    packages = [part for part in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]]
    assert len(packages) > least
    for package in packages:
        assert "==" in package.splitlines()[0]
        assert "--hash=sha256:" in package


def test_the_site_is_built_with_the_versions_of_the_tests_and_nothing_of_a_switch() -> None:
    everything, site = _pinned(), _pinned(SITE)
    assert site.items() <= everything.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {_name(Requirement(each).name) for each in project["optional-dependencies"]["docs"]} <= set(site)
    assert not {"ray", "numba", "pyarrow", "asyncpg", "aiohttp", "pytest"} & set(site)


@pytest.mark.skipif(
    os.environ.get("SHARDPAY_VERSIONS") == "other", reason="runs on other versions than the pinned ones"
)
def test_what_is_installed_is_what_is_pinned() -> None:
    pinned = _pinned()
    found = {_name(d.name): d.version for d in distributions()}
    strays = {n: v for n, v in found.items() if n not in OWN and n in pinned and pinned[n] != v}
    assert not strays
    assert {n for n in pinned if n not in found} == set()
