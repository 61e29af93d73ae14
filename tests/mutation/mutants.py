"""What is changed: one operator, number or truth value of a function at a time, by Cosmic Ray's operators, or one statement left out.

Only what a function does is changed. Numbers that stand at the head of a module are bounds, which are choices; types move nothing.
"""

import ast
import bisect
import difflib
import hashlib
import itertools
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.plugins import get_operator

_COMPARISONS: Final = (
    "Eq_NotEq",
    "NotEq_Eq",
    "Lt_LtE",
    "Lt_GtE",
    "LtE_Lt",
    "LtE_Gt",
    "Gt_GtE",
    "Gt_LtE",
    "GtE_Gt",
    "GtE_Lt",
    "Is_IsNot",
    "IsNot_Is",
)
"""To the edge and to the contrary. Cosmic Ray has each operator for each other, which shows no more and takes ten times as long."""
_BINARY: Final = (
    "Add_Sub",
    "Sub_Add",
    "Mul_Add",
    "FloorDiv_Mul",
    "Mod_FloorDiv",
    "LShift_RShift",
    "RShift_LShift",
    "BitAnd_BitOr",
    "BitOr_BitAnd",
    "BitXor_BitAnd",
)
NUMBERS: Final = "NumberReplacer"
_OTHERS: Final = (
    "AddNot",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    NUMBERS,
    "ZeroIterationForLoop",
    "ReplaceUnaryOperator_USub_UAdd",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_Invert",
)
LEAVE_OUT: Final = "LeaveOut"
_MOVES_NOTHING: Final = (
    "_log.",
    "log.",
    "prefetch(",
    "read_ahead(",
    "fetch_",
    "super().__init__(",
    "await asyncio.sleep(0)",
)
"""Statements that nobody misses: they tell of something, bring it nearer, or give others their turn."""


class LeaveOut(Operator):
    """Leave out a statement that changes something in its place: an assignment to a field or an entry, a sum, a call for its effect.
    Cosmic Ray has no such operator, and kernels are made of such statements."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """One position for each such statement."""
        if node.parent is None or node.parent.type not in ("simple_stmt", "suite"):
            return
        text = node.get_code(include_prefix=False)
        if node.type == "expr_stmt":
            target, sign = node.children[0], node.children[1]
            chosen = sign.type != "annassign" and (sign.get_code().strip() != "=" or target.type != "name")
        else:
            chosen = node.type in ("atom_expr", "await_expr") and text.endswith(")")
        if chosen:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """`pass` in its place."""
        prefix = node.get_first_leaf().prefix
        return parso.python.tree.Keyword("pass", node.start_pos, prefix)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """As Cosmic Ray asks for."""
        return (Example("def f(a):\n    a[0] += 1\n", "def f(a):\n    pass\n"),)


_OPERATORS: Final[dict[str, Operator]] = {
    **{
        name: get_operator(f"core/{name}")()
        for name in (
            *(f"ReplaceComparisonOperator_{pair}" for pair in _COMPARISONS),
            *(f"ReplaceBinaryOperator_{pair}" for pair in _BINARY),
            *_OTHERS,
        )
    },
    LEAVE_OUT: LeaveOut(),
}


_TYPES: Final = {
    "ReplaceComparisonOperator": "comparison",
    "ReplaceBinaryOperator": "operator",
    "NumberReplacer": "number",
}
"""What sort of node these operators change."""
_FILES: Final = 64
"""So many stay parsed, for they come in turn."""
_CLASS: Final = "class _:\n"
"""Stands before a method that is parsed alone."""
_SORTS: Final = ("LeaveOut", "ReplaceComparison", "ReplaceBinary", "Number")


def sort_of(operator: str) -> int:
    """Which sort of change an operator makes; those of numbers are half of all, and show least."""
    return next((i for i, start in enumerate(_SORTS) if operator.startswith(start)), len(_SORTS))


class Mutant(NamedTuple):
    """One change: the `occurrence`th place of an operator in the file `path`, which begins at `line`, in the function `function`, whose
    name has those of its classes before it. Who does not come through one of the lines `first` to `last` does not meet it.

    `text`: digest of what the function does and of what can be changed in it; `number`: which of these changes it is."""

    path: str
    operator: str
    occurrence: int
    line: int
    function: str
    first: int
    last: int
    text: str
    number: int


class Change(NamedTuple):
    """What a mutant makes of a file; `before` and `after` are the lines that differ, without indentation, in one."""

    source: str
    before: str
    after: str


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """All mutants of a file."""
    parts = _nodes((root / path).read_text(encoding="utf-8"))
    of_functions: dict[Any, list[tuple[str, int, tuple[int, int], Any]]] = {}
    for name, operator in _OPERATORS.items():
        nodes = [node for part in parts for node in _that_may(name, part)]
        places = [(node, start) for node in nodes for start, _ in operator.mutation_positions(node)]
        for i, (node, start) in enumerate(places):
            if _is_done(node):
                of_functions.setdefault(_function_around(node), []).append((name, i, start, node))
    return [mutant for function, changes in of_functions.items() for mutant in _mutants(path, function, changes)]


def _mutants(path: str, function: Any, changes: list[tuple[str, int, tuple[int, int], Any]]) -> list[Mutant]:
    operators = [operator for operator, *_ in changes]
    text = hashlib.sha256(f"{_done_by(function.get_code())}{operators}".encode()).hexdigest()[:16]
    return [
        Mutant(path, operator, i, start[0], _name(function), *_lines_of(node), text, number)
        for number, (operator, i, start, node) in enumerate(changes)
    ]


def change_of(root: Path, mutant: Mutant) -> Change:
    """The file after the change, and where it differs."""
    source = (root / mutant.path).read_text(encoding="utf-8")
    parts, ends = _parts(source), _ends(source, mutant.operator)
    part = bisect.bisect_right(ends, mutant.occurrence)
    before_it = ends[part - 1] if part else 0
    head = _CLASS if parts[part][:1].isspace() else ""
    changed = mutate_code(head + parts[part], _OPERATORS[mutant.operator], mutant.occurrence - before_it)
    assert changed is not None, mutant
    changed = changed.removeprefix(head)
    old, new = parts[part].splitlines(), changed.splitlines()
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changes = [(old[a:b], new[c:d]) for sort, a, b, c, d in blocks if sort != "equal"]
    before, after = (" ".join(line.strip() for change in changes for line in change[side]) for side in (0, 1))
    return Change("".join([*parts[:part], changed, *parts[part + 1 :]]), before, after)


@lru_cache(maxsize=_FILES)
def _divided(source: str) -> list[list[Any]]:
    """A file's functions, methods, heads of classes and other statements, each as trees in order."""
    parts: list[list[Any]] = []
    for tree in get_ast(source).children:
        if tree.type == "classdef" and tree.children[-1].type == "suite":
            *head, body = tree.children
            parts.append([*head, body.children[0]])
            parts += [[statement] for statement in body.children[1:]]
        else:
            parts.append([tree])
    return parts


@lru_cache(maxsize=_FILES)
def _parts(source: str) -> list[str]:
    """The code of each part: to parse one takes a tenth of the time."""
    return ["".join(tree.get_code() for tree in part) for part in _divided(source)]


@lru_cache(maxsize=_FILES * len(_OPERATORS))
def _ends(source: str, operator: str) -> list[int]:
    """How many places of an operator there are up to the end of each part."""
    positions = _OPERATORS[operator].mutation_positions
    counts = (sum(1 for node in _that_may(operator, part) for _ in positions(node)) for part in _nodes(source))
    return list(itertools.accumulate(counts))


@lru_cache(maxsize=_FILES)
def _nodes(source: str) -> list[dict[str, list[Any]]]:
    """The nodes of each part of a file in order, all of them and those of some types: to walk through the tree for each operator takes
    most of the time."""
    found = []
    for part in _divided(source):
        nodes = [node for tree in part for node in ast_nodes(tree)]
        found.append({"": nodes, **{sort: [node for node in nodes if node.type == sort] for sort in _TYPES.values()}})
    return found


def _that_may(operator: str, part: dict[str, list[Any]]) -> list[Any]:
    """The nodes that an operator may change."""
    return part[_TYPES.get(operator.split("_")[0], "")]


def _done_by(code: str) -> str:
    """What a function does, without comments, docstrings, types and the form of its lines."""
    (function,) = ast.parse(textwrap.dedent(code)).body
    for node in ast.walk(function):
        for typed in ("annotation", "returns"):
            if hasattr(node, typed):
                setattr(node, typed, None)
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and ast.get_docstring(node) is not None
        ):
            del node.body[0]
    return ast.dump(function)


def _function_around(node: Any) -> Any:
    """The outermost function around a node."""
    found = None
    while node is not None:
        if node.type == "funcdef":
            found = node
        node = node.parent
    return found


def _name(function: Any) -> str:
    """The name of a function, with its classes."""
    names: list[str] = []
    node = function
    while node is not None:
        if node.type in ("funcdef", "classdef"):
            names.insert(0, node.name.value)
        node = node.parent
    return ".".join(names)


def _lines_of(node: Any) -> tuple[int, int]:
    """The lines of the statement of a node, of one with a body what comes before the body."""
    last = node.end_pos[0]
    while node.type != "simple_stmt" and not node.type.endswith("_stmt"):
        node = node.parent
    if node.parent is not None and node.parent.type == "simple_stmt":
        node = node.parent
    if node.type == "simple_stmt":
        last = max(last, node.children[-2].end_pos[0] if len(node.children) > 1 else node.end_pos[0])
    return node.start_pos[0], last


def _is_done(node: Any) -> bool:
    """Whether a node stands in the body of a function, in what it does, and is not the type of something."""
    inner = node
    while node is not None:
        if node.type in ("param", "annassign", "decorator") and inner is not node.children[-1]:
            return False
        if node.type in ("param", "decorator"):
            return False
        if node.type == "simple_stmt" and node.get_code(include_prefix=False).startswith(_MOVES_NOTHING):
            return False
        if node.type == "funcdef":
            return inner is node.children[-1]
        inner, node = node, node.parent
    return False
