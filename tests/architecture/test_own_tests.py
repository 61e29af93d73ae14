"""Each module has a test file of its own, in the same place under tests/unit; those that have none yet only get fewer."""

import ast
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TOPS: Final = ("actors", "models", "rules", "switch")
LISTED: Final = Path(__file__).with_name("without_own_tests.txt")
"""Modules that only their neighbours' tests, or those of whole switches, reach. Strike out what gets a test file."""
LISTED_MAX: Final = 226
"""Lower it with the list: a new module comes with its tests."""
GENERATED: Final = "Written by `python -m switch.reference`; do not edit."


def _does_something(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    if path.name.startswith("__") or GENERATED in text:
        return False
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(ast.parse(text)))


def without_own_tests() -> list[str]:
    """Modules with functions, and no test file."""
    return sorted(
        str(path.relative_to(ROOT))
        for top in TOPS
        for path in (ROOT / top).rglob("*.py")
        if not (ROOT / "tests/unit" / path.relative_to(ROOT).with_name(f"test_{path.name}")).exists()
        and _does_something(path)
    )


def test_a_module_has_a_test_file_of_its_own_or_stands_on_the_list_that_gets_shorter() -> None:
    listed, found = LISTED.read_text(encoding="utf-8").split(), without_own_tests()
    assert sorted(set(found) - set(listed)) == [], "write their tests, under tests/unit"
    assert sorted(set(listed) - set(found)) == [], f"they have tests now: strike them out of {LISTED.name}"
    assert listed == sorted(listed) and len(listed) == LISTED_MAX
