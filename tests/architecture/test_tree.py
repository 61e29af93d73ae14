"""What lies at the top of the tree is what a reader is told of: data of a run that was added by mistake is found."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = {"actors", "bench", "models", "rules", "switch", "tests"}
BESIDE: Final = {".ci", "deploy", "docs"}
FILES: Final = {
    *(".dockerignore", ".gitignore", ".pre-commit-config.yaml", "LICENSE", "Makefile", "pyproject.toml"),
    *("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"),
    *("requirements.txt", "requirements-cluster.txt", "requirements-site.txt"),
}
BYTES_MAX: Final = 1 << 20
"""Of a file: larger ones are data, which are made or fetched."""


def _kept() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a clone: nothing says which files are kept")
    return [Path(name) for name in listed.stdout.decode().split("\0") if name]


def test_the_top_of_the_tree_holds_what_readers_are_told_of() -> None:
    assert {path.parts[0] for path in _kept()} == PACKAGES | BESIDE | FILES


def test_no_file_is_as_large_as_data() -> None:
    sizes = {path.as_posix(): (ROOT / path).stat().st_size for path in _kept() if (ROOT / path).exists()}
    assert not {name: size for name, size in sizes.items() if size > BYTES_MAX}
