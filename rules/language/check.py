"""Check expressions: each has one type, known before anything runs.

What does not fit is refused at its line and column, with a hint.

Words become numbers here: a text takes the domain of what it is compared with.
"""

from collections.abc import Mapping
from typing import Any, Final

from rules.decisions.controls import KeptColumn
from rules.language.ir import ARITHMETIC, INT_MAX, INT_MIN, Op, Program, folded
from rules.language.lists import NamedList, Range, entry_number
from rules.language.problems import ExpressionError, Remark, did_you_mean, shortened
from rules.language.remarks import may_lack_value, outcome
from rules.language.syntax import Node, parse
from rules.language.words import word_number
from rules.vocabulary.catalogue import (
    BOOL,
    CLOCKS,
    INT,
    NOT_GIVEN,
    NULL_TYPE,
    PAYMENTS,
    TEXT,
    TIME,
    Field,
    Type,
    Vocabulary,
)
from rules.vocabulary.columns import COLUMN_COUNT, WINDOW_NAMES
from rules.vocabulary.times import time_ms
from rules.vocabulary.zones import Zone, names, near, zone

_COMPARISONS: Final = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_ARITHMETIC: Final = dict(zip(("+", "-", "*", "/", "%"), ARITHMETIC, strict=True))
_SWAPPED: Final = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
_LOST: Final = Type(name="list")
ZONES_MAX: Final = 16
"""Time zones of one pack; each takes 20 ms to read and 4 KB in every process that decides."""
LIST_TYPES: Final = ("wallet", "device", "country")
"""What lists hold that the switch keeps."""
NEGATIONS_LOOKED_AT_MAX: Final = 4
"""Fields of one condition that a negation is looked at for; each takes a walk through all of it."""


def _fail(node: Node, message: str, hint: str = "") -> ExpressionError:
    return ExpressionError(node.start, node.end, message, hint)


class Checker:
    """Turns expressions into operations of one program. `stored`: they stand in a published pack, which was checked when it was published,
    perhaps for less. `vocabulary`: what they may name. `remarks`: on the last one; `used`: the fields that it names; `kept`: lists that the
    switch keeps with the columns that are looked for in them, and the types of these."""

    def __init__(
        self,
        program: Program,
        lists: Mapping[str, NamedList],
        *,
        stored: bool = False,
        vocabulary: Vocabulary = PAYMENTS,
    ) -> None:
        self.remarks: list[Remark] = []
        self.used: set[str] = set()
        self.kept: dict[KeptColumn, Type] = {}
        self._fields, self._windows, self._index = vocabulary.fields, vocabulary.windows, vocabulary.index
        self._vocabulary = vocabulary
        self._program = program
        self._lists = lists
        self._stored = stored
        self._types: dict[int, Type] = {}
        self._sets: dict[tuple[str, Type, Range | None], tuple[int, ...]] = {}
        self._negations: dict[str, Node] = {}
        self._zones: dict[str, Zone] = {}

    def condition(self, text: str) -> int:
        """Index of the operation that gives a truth value. Raises ExpressionError."""
        tree = self._begun(text)
        found = self._type(tree)
        if found is not BOOL:
            raise _fail(tree, f"a condition is true or false, this is {_a(found)}", "compare it with something")
        place = self._lower(tree, BOOL)
        self._remark_negations(place)
        return place

    def _begun(self, text: str) -> Node:
        self.remarks = []
        self.used = set()
        self._types.clear()
        self._negations.clear()
        return parse(text)

    def _remark_negations(self, place: int) -> None:
        for name, node in list(self._negations.items())[:NEGATIONS_LOOKED_AT_MAX]:
            if any(may_lack_value(self._program.ops, [place], self._index[self._fields[name].column])):
                message = f"without a {name} this has no value, so nothing fires"
                hint = f"write {name} == null || ... for it to fire then, {name} != null && ... if it must not"
                self._remark(node, message, hint)

    def _remark(self, node: Node, message: str, hint: str = "") -> None:
        self.remarks.append(Remark(node.start, node.end, message, hint))

    def value(self, text: str) -> tuple[int, Type]:
        """Index and type of the operation that cells of a table are about. Raises ExpressionError."""
        tree = self._begun(text)
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
        field = self._fields.get(node.value)
        if field is None:
            refused = self._vocabulary.refused(node.value)
            if refused:
                raise _fail(node, f"{shortened(node.value)}: {refused}")
            if node.value in self._windows:
                hint = f'write {node.value}("{WINDOW_NAMES[0]}")'
            elif node.value in self._lists:
                hint = f"write lists.{node.value}"
            else:
                hint = did_you_mean(
                    node.value, [*self._fields, *self._windows], f"{self._vocabulary.page} lists all fields"
                )
            raise _fail(node, f"no field is named {shortened(node.value)}", hint)
        self.used.add(node.value)
        return field

    def _type_call(self, node: Node) -> Type:
        if node.value == "timestamp":
            self._moment(node)
            return TIME
        self._window(node)
        return self._windows[node.value].type

    def _moment(self, node: Node) -> int:
        if len(node.items) != 1 or node.items[0].kind != "text":
            raise _fail(node, "timestamp takes one text", 'like timestamp("2026-01-31T12:00:00Z")')
        try:
            return time_ms(node.items[0].value)
        except ValueError as error:
            raise _fail(node.items[0], str(error)) from None

    def _window(self, node: Node) -> int:
        """Which window is meant."""
        if node.value not in self._windows:
            known = [*self._windows, "timestamp"]
            hint = did_you_mean(node.value, known, f"{self._vocabulary.page} lists all functions")
            raise _fail(node, f"no function is named {shortened(node.value)}", hint)
        listed = ", ".join(f'"{name}"' for name in WINDOW_NAMES)
        if len(node.items) != 1 or node.items[0].kind != "text":
            raise _fail(node, f"{node.value} takes one window", f"windows are {listed}")
        if node.items[0].value not in WINDOW_NAMES:
            raise _fail(node.items[0], f"no window is {shortened(node.items[0].value)!r}", f"windows are {listed}")
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
        if node.value not in CLOCKS and node.value != "startsWith":
            known = ("startsWith", *CLOCKS)
            hint = did_you_mean(node.value, known, "known are " + ", ".join(known))
            raise _fail(node, f"no method is named {shortened(node.value)}", hint)
        owner = self._type(node.items[0])
        if node.value in CLOCKS:
            if owner is not TIME:
                raise _fail(node, f"{_a(owner)} has no {node.value}", "effective_time has")
            self._zone(node)
            return INT
        domain = owner.domain
        if domain is None or domain.words is None:
            raise _fail(
                node.items[0], f"{_a(self._type(node.items[0]))} has no prefix", "only words of a short list have"
            )
        if len(node.items) != 2 or node.items[1].kind != "text":
            raise _fail(node, "startsWith takes one text")
        return BOOL

    def _zone(self, node: Node) -> Zone | None:
        """The time zone whose clocks are meant, None for UTC."""
        if len(node.items) == 1:
            return None
        named = node.items[1]
        if len(node.items) != 2 or named.kind != "text":
            raise _fail(node, f"{node.value} takes one time zone, or none for UTC", 'like "Europe/Berlin"')
        if named.value not in self._zones:
            if len(self._zones) == ZONES_MAX:
                raise _fail(named, f"more than {ZONES_MAX} time zones in one pack", "make two packs of it")
            try:
                self._zones[named.value] = zone(named.value)
            except KeyError:
                found = near(named.value)
                hint = (
                    f"did you mean {found}?"
                    if found
                    else did_you_mean(named.value, sorted(names()), "like Europe/Berlin")
                )
                raise _fail(named, f"no time zone is named {shortened(named.value)}", hint) from None
        return self._zones[named.value]

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
        if right.kind == "select" and self._entries(right).kept:
            self._listed_by_the_switch(left, self._entries(right))
        else:
            self._numbers(left, right, found)

    def _listed_by_the_switch(self, left: Node, named: NamedList) -> None:
        """A kept list has a type of its own, which is that of the fields that are looked for in it."""
        found = self._type(left)
        if left.kind != "name" or found.name not in LIST_TYPES:
            hint = "a field is expected that is a " + ", a ".join(LIST_TYPES)
            raise _fail(left, "only a field can be looked for in a list that the switch keeps", hint)
        types = {type_.name for column, type_ in self.kept.items() if column.list == named.kept} | {found.name}
        if len(types) > 1:
            raise _fail(left, f"the list {named.kept} holds one type, here two: {' and '.join(sorted(types))}")

    def _numbers(self, left: Node, node: Node, type_: Type) -> tuple[int, ...]:
        """Sorted numbers of the entries of a list in which `left` is looked for."""
        among = self._range(left)
        if node.kind == "list":
            return tuple(sorted({self._entry(item, type_, among) for item in node.items}))
        named = self._entries(node)
        numbers = self._sets.get((named.name, type_, among))
        if numbers is None:
            try:
                numbers = named.numbers(type_, among, stored=self._stored)
            except ValueError as error:
                raise _refused(node, error) from None
            self._sets[named.name, type_, among] = numbers
        return numbers

    def _range(self, node: Node) -> Range | None:
        """What a field's or clock's numbers can be, where that is known."""
        if self._stored:
            return None
        if node.kind == "method" and node.value in CLOCKS:
            return CLOCKS[node.value].range
        return self._field(node).range if node.kind == "name" else None

    def _entry(self, node: Node, type_: Type, among: Range | None) -> int:
        try:
            return entry_number(type_, node.value, among, stored=self._stored)
        except ValueError as error:
            raise _refused(node, error) from None

    def _word(self, node: Node, word: str, type_: Type) -> int:
        try:
            return word_number(type_, word, stored=self._stored)
        except ValueError as error:
            raise _refused(node, error) from None

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
        return self._program.add(Op(name, value=self._index[field.column], known=not field.unknown))

    def _lower_call(self, node: Node, want: Type) -> int:
        if node.value == "timestamp":
            return self._program.constant(self._moment(node))
        return self._program.add(self._window_op(node))

    def _window_op(self, node: Node) -> Op:
        window = self._window(node)
        if node.value == "saturated":
            return Op("bit", value=self._index["saturated"] * 64 + window, known=False)
        return Op(
            "column", value=self._index[f"{self._windows[node.value].column}_{WINDOW_NAMES[window]}"], known=False
        )

    def _lower_method(self, node: Node, want: Type) -> int:
        type_ = self._type(node.items[0])
        if type_ is TIME:
            return self._lower_clock(node)
        assert type_.domain is not None and type_.domain.words is not None
        prefix = node.items[1].value
        numbers = tuple(sorted(number for word, number in type_.domain.words.items() if word.startswith(prefix)))
        in_use = type_.domain.in_use
        if not numbers or not (in_use is None or self._stored or any(word.startswith(prefix) for word in in_use)):
            raise _fail(
                node.items[1],
                f"no {type_.domain.name} begins with {shortened(prefix)!r}",
                f"it is {type_.domain.expected}",
            )
        return self._program.apply("in", self._lower(node.items[0], type_), value=numbers)

    def _lower_clock(self, node: Node) -> int:
        clock, table = CLOCKS[node.value], self._zone(node)
        place = self._lower(node.items[0], TIME)
        if table is not None:
            place = self._program.apply("local", place, value=table.changes + table.offsets)
        return self._program.apply("clock", place, value=(clock.unit_ms, clock.cycle, clock.first))

    def _lower_not(self, node: Node, want: Type) -> int:
        self._note_negation(node)
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
            if right.kind == "select" and self._entries(right).kept:
                return self._kept(left, self._entries(right))
            return self._program.apply("in", self._lower(left, type_), value=self._numbers(left, right, type_))
        if NULL_TYPE in (self._type(left), self._type(right)):
            return self._null_test(node)
        common = self._common(left, right)
        assert common is not None
        places = (self._lower(left, common), self._lower(right, common))
        if common is BOOL:
            same = self._program.apply("same", *places)
            return same if node.value == "==" else self._program.apply("not", same)
        if node.value == "!=":
            self._note_negation(node)
        self._compare_ranges(node, places)
        return self._program.apply(_COMPARISONS[node.value], *places)

    def _kept(self, left: Node, named: NamedList) -> int:
        """Whether a field is in a list that the switch keeps: whether it is what the list's own column has."""
        column = KeptColumn(named.kept, self._index[self._field(left).column])
        self.kept.setdefault(column, self._type(left))
        own = COLUMN_COUNT + list(self.kept).index(column)
        return self._program.apply(
            "eq", self._lower(left, self._type(left)), self._program.add(Op("column", value=own))
        )

    def _note_negation(self, node: Node) -> None:
        """A negation whose fields the caller can leave out may be a way past a rule."""
        waiting = [node]
        while waiting:
            part = waiting.pop()
            waiting += part.items
            if part.kind == "name" and part.value in self._fields and self._fields[part.value].unknown == NOT_GIVEN:
                self._negations.setdefault(part.value, node)

    def _compare_ranges(self, node: Node, places: tuple[int, int]) -> None:
        """A comparison of a field with a number that it cannot be is refused; one that always holds is remarked on."""
        for side, other, swapped in ((0, 1, False), (1, 0, True)):
            among = self._range(node.items[side])
            constant = self._program.ops[places[other]]
            if among is None or constant.name != "const" or not isinstance(constant.value, int):
                continue
            sign = _COMPARISONS[node.value]
            always = outcome(_SWAPPED.get(sign, sign) if swapped else sign, among, constant.value)
            field = node.items[side].value
            if always is False:
                meaning = (self._fields.get(field) or CLOCKS[field]).meaning
                raise _fail(node, f"{field} is {among[0]}..{among[1]}, so this never holds", meaning)
            if always:
                self._remark(node, f"{field} is {among[0]}..{among[1]}, so this always holds")

    def _null_test(self, node: Node) -> int:
        tested = self._tested(node)
        if tested.kind == "name":
            column = self._index[self._field(tested).column]
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


def _refused(node: Node, error: ValueError) -> ExpressionError:
    message, _, hint = str(error).partition("; ")
    return _fail(node, message, hint)


def _a(type_: Type) -> str:
    if type_ is INT:
        return "a whole number"
    if type_ is BOOL:
        return "true or false"
    if type_ is TEXT:
        return "a text"
    return "null" if type_ is NULL_TYPE else f"a {type_.name}"
