"""The house's limits: how long a file, a function and a list of parameters may get, and how deep it may nest."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
GENERATED: Final = "Written by `python -m switch.reference`; do not edit."
"""Files that nobody reads from top to bottom."""
TOPS: Final = ("actors", "bench", "models", "rules", "switch")
FILE_LINES_MAX: Final = 620
FUNCTION_LINES_MAX: Final = 60
PARAMETERS_MAX: Final = 8
"""Beside `self`."""
NESTING_MAX: Final = 4
LINE_MAX: Final = 100
"""Of the first line of a module's docstring: what it is, in one breath."""
BLOCKS: Final = (ast.If, ast.For, ast.While, ast.With, ast.AsyncWith, ast.AsyncFor, ast.Try)
SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

Function = ast.FunctionDef | ast.AsyncFunctionDef

EXCEPTIONS: Final = {
    # A call from Python unpacks each field of a tuple anew, so arrays of one batch are parameters; kernels hand them on as they are.
    "actors/ledger/apply.py:apply",
    "actors/ledger/apply.py:_apply_group",
    # As `apply`, inlined into its loop: row, record and the two wallets of a payment, and what the shard is set to.
    "actors/ledger/apply.py:_decide",
    # What a row is checked against is five values of the shard; a row of a group also says which of the group it is.
    "actors/ledger/admission.py:_check_payment",
    "actors/ledger/admission.py:_check_group",
    "actors/ledger/admission.py:_admit_group",
}
"""What is over a limit, and why; it only ever gets shorter."""


def _written(top: str) -> list[Path]:
    """The files of a folder that people write."""
    return [path for path in (ROOT / top).rglob("*.py") if GENERATED not in path.read_text()]


def _functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def _depth(node: ast.AST, depth: int = 0) -> int:
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, SCOPES):
            continue
        elif_ = isinstance(node, ast.If) and node.orelse == [child] and isinstance(child, ast.If)
        deepest = max(deepest, _depth(child, depth + (isinstance(child, BLOCKS) and not elif_)))
    return deepest


def _over(function: Function) -> bool:
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    parameters = len(names) - (names[:1] in (["self"], ["cls"]))
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    return lines > FUNCTION_LINES_MAX or parameters > PARAMETERS_MAX or _depth(function) > NESTING_MAX


@pytest.mark.parametrize("top", TOPS)
def test_no_file_is_longer_than_a_reader_takes_in(top: str) -> None:
    lines = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in _written(top)}
    assert not {path: count for path, count in lines.items() if count > FILE_LINES_MAX}


@pytest.mark.parametrize("top", TOPS)
def test_a_module_opens_with_one_short_line(top: str) -> None:
    first = {
        str(path.relative_to(ROOT)): (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        for path in (ROOT / top).rglob("*.py")
    }
    assert not {path: line for path, line in first.items() if not 10 <= len(line) <= LINE_MAX}


@pytest.mark.parametrize("top", TOPS)
def test_no_function_is_over_a_limit_that_is_not_named(top: str) -> None:
    over = {
        f"{path.relative_to(ROOT)}:{function.name}"
        for path in _written(top)
        for function in _functions(path)
        if _over(function)
    }
    assert over == {name for name in EXCEPTIONS if name.startswith(f"{top}/")}
