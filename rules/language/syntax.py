"""Parse expressions, a subset of CEL, into a tree.

Every node knows where in the text it stands.

Nothing here knows fields or types. Trees are bounded in size and depth, so whoever walks one may recurse.
"""

import re
from functools import lru_cache
from typing import Any, Final

import lark
import msgspec

from rules.language.problems import ExpressionError, shortened

LENGTH_MAX: Final = 4_096
"""Characters of an expression: some hundred terms, more than a person can check."""
DEPTH_MAX: Final = 64
"""Levels of a tree; `&&` or `||` of many terms are one level."""

GRAMMAR: Final = r"""
start: choose
choose: any ("?" any ":" choose)?
any: all ("||" all)*
all: relation ("&&" relation)*
relation: total (RELATION total)*
total: product (SIGN product)*
product: unary (TIMES unary)*
?unary: member | NOT unary -> prefixed | "-" unary -> negative
?member: primary
    | member "." NAME -> select
    | member "." NAME "(" (choose ("," choose)*)? ")" -> method
?primary: NAME -> name
    | NAME "(" (choose ("," choose)*)? ")" -> call
    | "(" choose ")" -> inner
    | "[" (choose ("," choose)* ","?)? CLOSE -> listed
    | NUMBER -> number
    | TEXT -> text

RELATION: "==" | "!=" | "<=" | ">=" | "<" | ">" | /in\b/
SIGN: "+" | "-"
TIMES: "*" | "/" | "%"
NOT: "!"
CLOSE: "]"
NAME: /[A-Za-z_][A-Za-z0-9_]*/
NUMBER: /0[xX][0-9a-fA-F]+\w*|[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\w*/
TEXT: /"(\\.|[^"\\\n])*"|'(\\.|[^'\\\n])*'/
%ignore /[ \t\r\n]+/
"""

_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_WORDS: Final = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "True": "true",
    "False": "false",
    "None": "null",
    "AND": "&&",
    "OR": "||",
}
_SIGNS: Final = {"=": "==", "&": "&&", "|": "||", "<>": "!="}


class Node(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One node. `kind`: choose, any, all, binary, not, negative, select, method, name, call, list, number, text, true, false, null."""

    kind: str
    start: int
    end: int
    value: Any = None
    items: tuple["Node", ...] = ()
    depth: int = 1


def _node(kind: str, start: int, end: int, value: Any = None, items: tuple[Node, ...] = ()) -> Node:
    depth = 1 + max((item.depth for item in items), default=0)
    if depth > DEPTH_MAX:
        raise ExpressionError(start, end, f"more than {DEPTH_MAX} levels deep", "make two rules of it")
    return Node(kind=kind, start=start, end=end, value=value, items=items, depth=depth)


def _spanning(kind: str, items: list[Node], value: Any = None) -> Node:
    return _node(kind, items[0].start, items[-1].end, value, tuple(items))


def _unquoted(token: Any) -> str:
    out: list[str] = []
    inner = str(token)[1:-1]
    at = 0
    while at < len(inner):
        letter = inner[at]
        if letter == "\\":
            at += 1
            if inner[at] not in _ESCAPES:
                start = token.start_pos + at
                raise ExpressionError(
                    start, start + 2, f"no escape \\{shortened(inner[at])} is known", "double the backslash"
                )
            letter = _ESCAPES[inner[at]]
        out.append(letter)
        at += 1
    return "".join(out)


class _Builder(lark.Transformer[Any, Node]):
    """Called by the parser at each reduction, so trees are made without recursion."""

    def start(self, items: list[Node]) -> Node:
        return items[0]

    def choose(self, items: list[Node]) -> Node:
        return items[0] if len(items) == 1 else _spanning("choose", items)

    def any(self, items: list[Node]) -> Node:
        return items[0] if len(items) == 1 else _spanning("any", items)

    def all(self, items: list[Node]) -> Node:
        return items[0] if len(items) == 1 else _spanning("all", items)

    def relation(self, items: list[Any]) -> Node:
        left: Node = items[0]
        for sign, right in zip(items[1::2], items[2::2], strict=True):
            left = _spanning("binary", [left, right], str(sign))
        return left

    total = relation
    product = relation

    def prefixed(self, items: list[Any]) -> Node:
        return _node("not", items[0].start_pos, items[1].end, None, (items[1],))

    def negative(self, items: list[Node]) -> Node:
        (inner,) = items
        if inner.kind == "number" and inner.value >= 0:
            return _node("number", inner.start - 1, inner.end, -inner.value)
        return _node("negative", inner.start - 1, inner.end, None, (inner,))

    def select(self, items: list[Any]) -> Node:
        return _node("select", items[0].start, items[1].end_pos, str(items[1]), (items[0],))

    def method(self, items: list[Any]) -> Node:
        end = items[-1].end if len(items) > 2 else items[1].end_pos
        return _node("method", items[0].start, end, str(items[1]), (items[0], *items[2:]))

    def name(self, items: list[Any]) -> Node:
        word, start, end = str(items[0]), items[0].start_pos, items[0].end_pos
        if word in ("true", "false", "null"):
            return _node(word, start, end)
        if word in _WORDS:
            raise ExpressionError(start, end, f"{word} is no word of the language", f"write {_WORDS[word]}")
        return _node("name", start, end, word)

    def call(self, items: list[Any]) -> Node:
        end = items[-1].end if len(items) > 1 else items[0].end_pos
        return _node("call", items[0].start_pos, end, str(items[0]), tuple(items[1:]))

    def inner(self, items: list[Node]) -> Node:
        return items[0]

    def listed(self, items: list[Any]) -> Node:
        close = items.pop()
        start = items[0].start - 1 if items else close.start_pos
        return _node("list", start, close.end_pos, None, tuple(items))

    def number(self, items: list[Any]) -> Node:
        text, start, end = str(items[0]), items[0].start_pos, items[0].end_pos
        try:
            value = int(text, 16 if text[:2].lower() == "0x" else 10)
        except ValueError:
            raise ExpressionError(
                start,
                end,
                f"{shortened(text)} is no whole number",
                "amounts are whole minor units; for 1.5 * a write a * 3 / 2",
            ) from None
        return _node("number", start, end, value)

    def text(self, items: list[Any]) -> Node:
        return _node("text", items[0].start_pos, items[0].end_pos, _unquoted(items[0]))


@lru_cache(maxsize=1)
def _parser() -> lark.Lark:
    return lark.Lark(GRAMMAR, parser="lalr", lexer="contextual", transformer=_Builder(), maybe_placeholders=False)


def parse(text: str) -> Node:
    """The tree of an expression. Raises ExpressionError."""
    if len(text) > LENGTH_MAX:
        raise ExpressionError(0, 1, f"longer than {LENGTH_MAX:,} characters", "use a list or a decision table")
    if not text.strip():
        raise ExpressionError(0, 1, "an expression is missing")
    try:
        tree: Any = _parser().parse(text)
    except lark.exceptions.UnexpectedToken as error:
        raise _unexpected(text, error) from None
    except lark.exceptions.UnexpectedCharacters as error:
        raise _unreadable(text, error.pos_in_stream or 0) from None
    node: Node = tree
    return node


def _unexpected(text: str, error: lark.exceptions.UnexpectedToken) -> ExpressionError:
    token = error.token
    if token.type == "$END":
        opened = text.count("(") > text.count(")")
        return ExpressionError(
            len(text.rstrip()) - 1, len(text), "the expression ends too early", "a ) is missing" * opened
        )
    start = token.start_pos or 0
    word = str(token)
    hint = ""
    if token.type in ("NAME", "NUMBER", "TEXT") and "RELATION" in error.expected:
        before = re.split(r"\W", text[:start].rstrip())[-1]
        known = word if word in _WORDS else before
        hint = f"write {_WORDS[known]}" if known in _WORDS else "an operator like && or == is missing"
    return ExpressionError(start, start + len(word), f"{shortened(word)} is not expected here", hint)


def _unreadable(text: str, at: int) -> ExpressionError:
    letter = text[at]
    if letter in "\"'":
        return ExpressionError(at, at + 1, "this text does not end", f"a closing {letter} is missing")
    hint = f"write {_SIGNS[letter]}" if letter in _SIGNS else ""
    return ExpressionError(at, at + 1, f"{shortened(letter)} is not expected here", hint)
