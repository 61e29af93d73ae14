"""Every expression has one type, known before anything runs; what does not fit is refused at its place, with a hint.

Words become numbers here: a text takes the domain of what it is compared with.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from rules.catalogue import BOOL, FIELDS, INT, NULL_TYPE, TEXT, TIME, WINDOWS, Field, Type
from rules.columns import INDEX, WINDOW_NAMES
from rules.ir import ARITHMETIC, INT_MAX, INT_MIN, Op, Program, folded
from rules.problems import ExpressionError, did_you_mean, shortened
from rules.syntax import Node, parse
from rules.times import time_ms

_COMPARISONS: Final = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_ARITHMETIC: Final = dict(zip(("+", "-", "*", "/", "%"), ARITHMETIC, strict=True))
_LOST: Final = Type(name="list")


class NamedList(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A list of a pack: all texts or all whole numbers."""

    name: str
    entries: tuple[str, ...] | tuple[int, ...]


def _fail(node: Node, message: str, hint: str = "") -> ExpressionError:
    return ExpressionError(node.start, node.end, message, hint)


def word_number(type_: Type, word: str) -> int:
    """The number of a word. Raises ValueError with what was expected."""
    domain = type_.domain
    assert domain is not None
    if domain.words is None:
        assert domain.number is not None
        return domain.number(word)
    if word not in domain.words:
        close = did_you_mean(word, domain.words)
        if len(domain.words) <= 16:
            close = close or "known are " + ", ".join(domain.words)
        raise ValueError(
            f"{shortened(word)!r} is no {domain.name}, {domain.expected}" + (f"; {close}" if close else "")
        )
    return domain.words[word]


class Checker:
    """Turns expressions into operations of one program."""

    def __init__(self, program: Program, lists: Mapping[str, NamedList]) -> None:
        self._program = program
        self._lists = lists
        self._types: dict[int, Type] = {}
        self._sets: dict[tuple[str, Type], tuple[int, ...]] = {}

    def condition(self, text: str) -> int:
        """Place of a truth value. Raises ExpressionError."""
        return self.tree(parse(text))

    def tree(self, tree: Node) -> int:
        """The same of a tree."""
        self._types.clear()
        found = self._type(tree)
        if found is not BOOL:
            raise _fail(tree, f"a condition is true or false, this is {_a(found)}", "compare it with something")
        return self._lower(tree, BOOL)

    def value(self, text: str) -> tuple[int, Type]:
        """Place and type of a value that cells of a table are about. Raises ExpressionError."""
        tree = parse(text)
        self._types.clear()
        found = self._type(tree)
        if found in (NULL_TYPE, TEXT, _LOST):
            raise _fail(tree, f"{_a(found)} cannot be an input", "a field or a window is expected")
        return self._lower(tree, found), found

    # Types, from the leaves up.

    def _type(self, node: Node) -> Type:
        found = self._types.get(id(node))
        if found is None:
            found = self._types[id(node)] = getattr(self, f"_type_{node.kind}")(node)
        return found

    def _type_number(self, node: Node) -> Type:
        if not INT_MIN <= node.value <= INT_MAX:
            raise _fail(node, "beyond 64 bits")
        return INT

    def _type_text(self, node: Node) -> Type:
        return TEXT

    def _type_true(self, node: Node) -> Type:
        return BOOL

    _type_false = _type_true

    def _type_null(self, node: Node) -> Type:
        return NULL_TYPE

    def _type_name(self, node: Node) -> Type:
        return self._field(node).type

    def _field(self, node: Node) -> Field:
        field = FIELDS.get(node.value)
        if field is None:
            if node.value in WINDOWS:
                hint = f'write {node.value}("{WINDOW_NAMES[0]}")'
            elif node.value in self._lists:
                hint = f"write lists.{node.value}"
            else:
                hint = did_you_mean(node.value, [*FIELDS, *WINDOWS], "docs/rules.md lists all fields")
            raise _fail(node, f"no field is named {shortened(node.value)}", hint)
        return field

    def _type_call(self, node: Node) -> Type:
        if node.value == "timestamp":
            self._moment(node)
            return TIME
        self._window(node)
        return WINDOWS[node.value].type

    def _moment(self, node: Node) -> int:
        if len(node.items) != 1 or node.items[0].kind != "text":
            raise _fail(node, "timestamp takes one text", 'like timestamp("2026-01-31T12:00:00Z")')
        try:
            return time_ms(node.items[0].value)
        except ValueError as error:
            raise _fail(node.items[0], str(error)) from None

    def _window(self, node: Node) -> int:
        """Which window is meant."""
        if node.value not in WINDOWS:
            hint = did_you_mean(node.value, [*WINDOWS, "timestamp"], "docs/rules.md lists all functions")
            raise _fail(node, f"no function is named {shortened(node.value)}", hint)
        known = ", ".join(f'"{name}"' for name in WINDOW_NAMES)
        if len(node.items) != 1 or node.items[0].kind != "text":
            raise _fail(node, f"{node.value} takes one window", f"windows are {known}")
        if node.items[0].value not in WINDOW_NAMES:
            raise _fail(node.items[0], f"no window is {shortened(node.items[0].value)!r}", f"windows are {known}")
        return WINDOW_NAMES.index(node.items[0].value)

    def _type_select(self, node: Node) -> Type:
        self._entries(node)
        return _LOST

    def _entries(self, node: Node) -> NamedList:
        owner = node.items[0]
        if owner.kind != "name" or owner.value != "lists":
            raise _fail(node, "nothing here has fields of its own", "only lists.NAME is written with a dot")
        if node.value not in self._lists:
            hint = did_you_mean(node.value, self._lists, "lists stand under `lists:` of the pack")
            raise _fail(node, f"no list is named {shortened(node.value)}", hint)
        return self._lists[node.value]

    def _type_list(self, node: Node) -> Type:
        for item in node.items:
            if item.kind not in ("number", "text"):
                raise _fail(item, "a list holds numbers or texts", "compare with == for anything else")
            self._type(item)
            if item.kind != node.items[0].kind:
                raise _fail(item, "a list holds entries of one type")
        return _LOST

    def _type_method(self, node: Node) -> Type:
        if node.value != "startsWith":
            hint = did_you_mean(node.value, ["startsWith"], "texts know startsWith only")
            raise _fail(node, f"no method is named {shortened(node.value)}", hint)
        domain = self._type(node.items[0]).domain
        if domain is None or domain.words is None:
            raise _fail(
                node.items[0], f"{_a(self._type(node.items[0]))} has no prefix", "only words of a short list have"
            )
        if len(node.items) != 2 or node.items[1].kind != "text":
            raise _fail(node, "startsWith takes one text")
        return BOOL

    def _type_not(self, node: Node) -> Type:
        self._need(node.items[0], BOOL, "! needs")
        return BOOL

    def _type_negative(self, node: Node) -> Type:
        self._need(node.items[0], INT, "- needs")
        return INT

    def _type_all(self, node: Node) -> Type:
        for item in node.items:
            self._need(item, BOOL, "&& needs" if node.kind == "all" else "|| needs")
        return BOOL

    _type_any = _type_all

    def _need(self, node: Node, type_: Type, what: str) -> None:
        found = self._type(node)
        if found is not type_:
            raise _fail(node, f"{what} {_a(type_)}, this is {_a(found)}")

    def _type_choose(self, node: Node) -> Type:
        condition, then, other = node.items
        self._need(condition, BOOL, "? needs")
        both = self._common(then, other)
        if both is None or both in (NULL_TYPE, _LOST):
            raise _fail(other, f"one branch is {_a(self._type(then))}, the other {_a(self._type(other))}")
        return both

    def _common(self, left: Node, right: Node) -> Type | None:
        a, b = self._type(left), self._type(right)
        if a is b:
            return a
        if a is TEXT and b.domain is not None:
            return b
        if b is TEXT and a.domain is not None:
            return a
        return None

    def _type_binary(self, node: Node) -> Type:
        left, right = node.items
        sign = node.value
        if sign in _ARITHMETIC:
            self._need(left, INT, f"{sign} needs")
            self._need(right, INT, f"{sign} needs")
            return INT
        if sign == "in":
            self._listed(left, right)
            return BOOL
        if NULL_TYPE in (self._type(left), self._type(right)):
            self._tested(node)
            return BOOL
        common = self._common(left, right)
        if common is None or common is _LOST:
            hint = "use in" if self._type(right) is _LOST else ""
            raise _fail(node, f"{_a(self._type(left))} and {_a(self._type(right))} cannot be compared", hint)
        if common is TEXT:
            raise _fail(node, "two texts are compared with each other", "one side must be a field")
        if sign not in ("==", "!=") and common not in (INT, TIME):
            raise _fail(node, f"{_a(common)} has no order", "use == or in")
        return BOOL

    def _tested(self, node: Node) -> Node:
        """The field or window whose being known is asked for."""
        left, right = node.items
        tested = right if self._type(left) is NULL_TYPE else left
        if node.value not in ("==", "!="):
            raise _fail(node, f"nothing is {node.value} null", "write == null or != null")
        if tested.kind not in ("name", "call") or (self._type(tested) is TIME and tested.kind == "call"):
            raise _fail(tested, "only a field can be null", "test the fields it is made of")
        if tested.kind == "name" and not self._field(tested).unknown:
            raise _fail(node, f"{tested.value} is always known", "leave the test out")
        return tested

    def _listed(self, left: Node, right: Node) -> None:
        found = self._type(left)
        if self._type(right) is not _LOST:
            raise _fail(right, "in needs a list", 'like ["MM", "KH"] or lists.NAME')
        if found is not INT and found.domain is None:
            raise _fail(left, f"{_a(found)} cannot be in a list", "a field is expected before in")
        self._numbers(right, found)

    def _numbers(self, node: Node, type_: Type) -> tuple[int, ...]:
        """Sorted numbers of a list's entries."""
        if node.kind == "list":
            return tuple(sorted({self._entry(item, item.value, type_) for item in node.items}))
        named = self._entries(node)
        numbers = self._sets.get((named.name, type_))
        if numbers is None:
            numbers = tuple(sorted({self._entry(node, entry, type_) for entry in named.entries}))
            self._sets[named.name, type_] = numbers
        return numbers

    def _entry(self, node: Node, entry: str | int, type_: Type) -> int:
        if (type_ is INT) != isinstance(entry, int):
            raise _fail(node, f"{_a(type_)} cannot be in a list that holds {shortened(str(entry))}")
        return entry if isinstance(entry, int) else self._word(node, entry, type_)

    def _word(self, node: Node, word: str, type_: Type) -> int:
        try:
            return word_number(type_, word)
        except ValueError as error:
            message, _, hint = str(error).partition("; ")
            raise _fail(node, message, hint) from None

    # Operations. `want` gives texts their domain.

    def _lower(self, node: Node, want: Type) -> int:
        place: int = getattr(self, f"_lower_{node.kind}")(node, want)
        return place

    def _lower_number(self, node: Node, want: Type) -> int:
        return self._program.constant(node.value)

    def _lower_text(self, node: Node, want: Type) -> int:
        return self._program.constant(self._word(node, node.value, want))

    def _lower_true(self, node: Node, want: Type) -> int:
        return self._program.truth(node.kind == "true")

    _lower_false = _lower_true

    def _lower_name(self, node: Node, want: Type) -> int:
        field = self._field(node)
        name = "flag" if field.type is BOOL else "column"
        return self._program.add(Op(name, value=INDEX[field.column], known=not field.unknown))

    def _lower_call(self, node: Node, want: Type) -> int:
        if node.value == "timestamp":
            return self._program.constant(self._moment(node))
        return self._program.add(self._window_op(node))

    def _window_op(self, node: Node) -> Op:
        window = self._window(node)
        if node.value == "saturated":
            return Op("bit", value=INDEX["saturated"] * 64 + window, known=False)
        return Op("column", value=INDEX[f"{WINDOWS[node.value].column}_{WINDOW_NAMES[window]}"], known=False)

    def _lower_method(self, node: Node, want: Type) -> int:
        type_ = self._type(node.items[0])
        assert type_.domain is not None and type_.domain.words is not None
        prefix = node.items[1].value
        numbers = tuple(sorted(number for word, number in type_.domain.words.items() if word.startswith(prefix)))
        if not numbers:
            raise _fail(
                node.items[1],
                f"no {type_.domain.name} begins with {shortened(prefix)!r}",
                f"it is {type_.domain.expected}",
            )
        return self._program.apply("in", self._lower(node.items[0], type_), value=numbers)

    def _lower_not(self, node: Node, want: Type) -> int:
        return self._program.apply("not", self._lower(node.items[0], BOOL))

    def _lower_negative(self, node: Node, want: Type) -> int:
        place = self._lower(node.items[0], INT)
        op = self._program.ops[place]
        if op.name == "const":
            return self._folded(node, "sub", 0, op.value)
        return self._program.apply("neg", place, known=False)

    def _folded(self, node: Node, name: str, a: Any, b: Any) -> int:
        """A constant made of constants; so compiled code never sees any that does not fit."""
        value = folded(name, a, b)
        if value is None:
            raise _fail(node, "beyond 64 bits")
        return self._program.constant(value)

    def _lower_all(self, node: Node, want: Type) -> int:
        return self._program.apply(node.kind, *(self._lower(item, BOOL) for item in node.items))

    _lower_any = _lower_all

    def _lower_choose(self, node: Node, want: Type) -> int:
        type_ = self._type(node)
        branch = want if type_ is TEXT else type_
        condition, then, other = node.items
        places = [self._lower(condition, BOOL), self._lower(then, branch), self._lower(other, branch)]
        decided = self._program.ops[places[0]]
        if decided.name == "truth":
            return places[1] if decided.value else places[2]
        return self._program.apply("pick" if type_ is BOOL else "choose", *places)

    def _lower_binary(self, node: Node, want: Type) -> int:
        left, right = node.items
        if node.value in _ARITHMETIC:
            return self._arithmetic(node)
        if node.value == "in":
            type_ = self._type(left)
            return self._program.apply("in", self._lower(left, type_), value=self._numbers(right, type_))
        if NULL_TYPE in (self._type(left), self._type(right)):
            return self._null_test(node)
        common = self._common(left, right)
        assert common is not None
        places = (self._lower(left, common), self._lower(right, common))
        if common is BOOL:
            same = self._program.apply("same", *places)
            return same if node.value == "==" else self._program.apply("not", same)
        return self._program.apply(_COMPARISONS[node.value], *places)

    def _null_test(self, node: Node) -> int:
        tested = self._tested(node)
        if tested.kind == "name":
            column = INDEX[self._field(tested).column]
        else:
            op = self._window_op(tested)
            assert isinstance(op.value, int)
            column = op.value // 64 if op.name == "bit" else op.value
        place = self._program.add(Op("null", value=column))
        return place if node.value == "==" else self._program.apply("not", place)

    def _arithmetic(self, node: Node) -> int:
        name = _ARITHMETIC[node.value]
        places = [self._lower(item, INT) for item in node.items]
        a, b = (self._program.ops[place] for place in places)
        if name in ("div", "mod") and b.name == "const" and b.value == 0:
            raise _fail(node, "division by zero")
        if a.name == "const" and b.name == "const":
            return self._folded(node, name, a.value, b.value)
        return self._program.apply(name, *places, known=False)


def _a(type_: Type) -> str:
    if type_ is INT:
        return "a whole number"
    if type_ is BOOL:
        return "true or false"
    if type_ is TEXT:
        return "a text"
    return "null" if type_ is NULL_TYPE else f"a {type_.name}"
