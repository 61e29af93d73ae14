"""One word for one thing: words that the glossary replaced do not come back as names.

Names of tests are sentences, and may use any word.
"""

import ast
import re
import tokenize
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
TOPS: Final = ("actors", "bench", "models", "rules", "switch", "tests")
RETIRED: Final = {
    "alarm": "alert",
    "aside": "fork snapshot, or what is kept apart",
    "carry": "apply, keep",
    "carried": "applied, kept",
    "carries": "apply, keep",
    "desk": "what it handles: credit requests, reviews",
    "door": "front door, in whole",
    "fate": "lifecycle",
    "lane": "write queue",
    "mind": "check, request",
    "replays": "repeats, of a key that was used before",
    "said": "response, or what it is",
    "settle": "change, decide, finish, store",
    "settled": "ended, explained, stored",
    "settles": "changes, decides, finishes",
    "settling": "changing, deciding",
    "told": "response, status, or what it is",
}
"""Parts of names, and what stands for them now; it only ever grows."""
BARE: Final = frozenset({"Beside", "Head", "Report", "Run", "Said", "Told"})
"""Names of classes that do not say what they are of: AuditReport, ImportRun."""
WHOLE: Final = re.compile(r"front_?doors?", re.IGNORECASE)
PART: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def _word(part: str) -> str:
    """As it stands among the retired words: in the singular, unless only the plural is."""
    return part.lower() if part.lower() in RETIRED else part.lower().removesuffix("s")


def names(path: Path) -> set[str]:
    """All names in a file of Python but those of tests."""
    with path.open("rb") as file:
        found = {token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.NAME}
    return {name for name in found if not name.startswith("test_")}


@pytest.mark.parametrize("top", TOPS)
def test_no_name_has_a_word_that_another_replaced(top: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}: {part.lower()} -> {RETIRED[_word(part)]}"
        for path in (ROOT / top).rglob("*.py")
        for name in names(path)
        for part in PART.findall(WHOLE.sub("", name))
        if _word(part) in RETIRED
    }
    assert not found


def test_no_module_is_called_by_a_word_that_another_replaced() -> None:
    stems = {path.stem for top in TOPS for path in (ROOT / top).rglob("*.py")}
    assert not {stem for stem in stems if RETIRED.keys() & set(WHOLE.sub("", stem).split("_"))}


@pytest.mark.parametrize("top", TOPS)
def test_a_class_says_what_it_is_of(top: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in (ROOT / top).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.name.lstrip("_") in BARE
    }
    assert not found
