"""Each module has a test file of its own, in the same place under tests/unit or, where it needs a process, tests/integration.

And no test takes what another logger wrote for what it looks at.
"""

import ast
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
TOPS: Final = ("actors", "models", "rules", "switch")
KINDS: Final = ("unit", "integration")
GENERATED: Final = "Written by `python -m switch.reference`; do not edit."


def _does_something(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    if path.name.startswith("__") or GENERATED in text:
        return False
    tree = ast.parse(text)
    protocols = [
        each for each in ast.walk(tree) if isinstance(each, ast.ClassDef) and "Protocol" in map(_name, each.bases)
    ]
    declared = {node for protocol in protocols for node in ast.walk(protocol)}
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    return any(each not in declared for each in functions)


def _name(base: ast.expr) -> str:
    return base.id if isinstance(base, ast.Name) else ""


def own_name(path: Path) -> Path:
    """Of a module's test file, below the folder of its kind."""
    return path.relative_to(ROOT).with_name(f"test_{path.name}")


def without_own_tests() -> list[str]:
    """Modules with functions that are more than declared, and no test file."""
    return sorted(
        str(path.relative_to(ROOT))
        for top in TOPS
        for path in (ROOT / top).rglob("*.py")
        if not any((ROOT / "tests" / kind / own_name(path)).exists() for kind in KINDS) and _does_something(path)
    )


def test_every_module_has_a_test_file_of_its_own() -> None:
    assert without_own_tests() == [], f"write their tests, under tests/ and one of {KINDS}"


@pytest.mark.parametrize("read", ["messages", "record_tuples", "records", "text"])
def test_what_was_logged_is_read_by_the_name_of_its_logger(read: str) -> None:
    own = {ROOT / "tests" / "logged.py", Path(__file__)}
    files = [path for path in (ROOT / "tests").rglob("*.py") if path not in own]
    readers = [str(path.relative_to(ROOT)) for path in files if f"caplog.{read}" in path.read_text(encoding="utf-8")]
    assert not readers, "threads that an earlier test left behind log, too: read tests.logged"
