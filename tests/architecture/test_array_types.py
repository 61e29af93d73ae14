"""Arrays have named types: a reader sees in a signature what an array's rows are, or what numbers it holds."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
TOPS: Final = ("actors", "bench", "models", "rules", "switch", "tests")
OF_ANYTHING: Final = ("NDArray[Any]", "np.ndarray[Any, Any]")
OF_ANY_ROWS: Final = {"models/arrays.py:Rows"}
"""Of no dtype in particular: for what handles rows and looks into none."""


def _modules(top: str) -> Iterator[tuple[str, ast.Module]]:
    """Those that speak of arrays."""
    for path in sorted((ROOT / top).rglob("*.py")):
        text = path.read_text()
        if "NDArray" in text or "ndarray" in text:
            yield str(path.relative_to(ROOT)), ast.parse(text)


def untyped(tree: ast.AST) -> Iterator[int]:
    """Lines with an array of anything: `NDArray[Any]`, or `ndarray` without a dtype."""
    typed = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node) in OF_ANYTHING:
            yield node.lineno
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        for part in ast.walk(annotation) if isinstance(annotation, ast.AST) else ():
            if isinstance(part, ast.Name | ast.Attribute) and id(part) not in typed:
                if ast.unparse(part) in ("NDArray", "ndarray", "np.ndarray"):
                    yield part.lineno


def row_types(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names of arrays of rows that a module declares, with what stands under them."""
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == "NDArray[np.void]":
            below = after.value if isinstance(after, ast.Expr) else None
            text = below.value if isinstance(below, ast.Constant) else ""
            yield ast.unparse(node.targets[0]), str(text)


@pytest.mark.parametrize("top", TOPS)
def test_no_array_is_of_anything(top: str) -> None:
    found = [f"{name}:{line}" for name, tree in _modules(top) for line in untyped(tree)]
    assert not found, "name the rows beside their dtype, or the numbers in models/arrays.py"


def test_an_array_of_anything_is_seen_wherever_it_stands() -> None:
    text = "def f(a: NDArray[Any], b: 'int', *c: np.ndarray) -> list[NDArray[Any]]: ...\nx: NDArray[np.int64] = NDArray[Any]\n"
    assert sorted(untyped(ast.parse(text))) == [1, 1, 1, 2]


def test_a_type_of_rows_stands_in_the_module_of_its_dtype_and_names_it() -> None:
    seen = 0
    for top in TOPS[:-1]:
        for module, tree in _modules(top):
            dtypes = {ast.unparse(node.target) for node in tree.body if isinstance(node, ast.AnnAssign)}
            for name, text in row_types(tree):
                if f"{module}:{name}" not in OF_ANY_ROWS:
                    seen += 1
                    named = re.match(r"(\w+) rows \(n,\)", text)
                    assert named and named[1] in dtypes, f"{module}: {name} says of which dtype its rows are"
    assert seen > 20
