"""Read a pack: a YAML document, taken as a whole or not at all.

It has a card, thresholds, lists, rules, decision tables and tests.

Reading checks everything that can be known without the card: every expression has its type, every name is known, every test can be
put. docs/reference/rules.md describes the format.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from models.scorecard import Scorecard
from models.wording import counted
from rules.decisions.controls import KeptColumn
from rules.decisions.decision import Action
from rules.language.cases import Case, read_cases
from rules.language.check import Checker
from rules.language.ir import Op, Program
from rules.language.lists import NamedList, entries_of_file, odd_one
from rules.language.problems import ExpressionError, PackError, Problem
from rules.language.reading import PACK_FIELD, SCENARIO_FIELD, Reader
from rules.language.syntax import LENGTH_MAX
from rules.language.table_notes import Input, notes_of, nothing_given
from rules.language.tables import INPUTS_MAX, Span, cell_of, first_only
from rules.language.yaml_nodes import Document, Value
from rules.vocabulary.catalogue import INT
from rules.vocabulary.times import time_ms

RULES_MAX: Final = 256
"""Rows of tables count as rules."""
LISTS_MAX: Final = 64
LIST_ENTRIES_MAX: Final = 100_000
POINTS_MAX: Final = 1_000_000
"""All rules together stay far within the 32 bits of a decision's points."""
THRESHOLD_MAX: Final = 2**31 - 1
OPERATIONS_MAX: Final = 8_192
"""Of all rules together, what they share counted once: what a compiler manages in some seconds."""
NOTES_MAX: Final = 50
"""On conditions and lists: more than a person reads."""
CONDITIONS_LENGTH_MAX: Final = 131_072
"""Characters of all conditions together."""
FILES_BYTES_MAX: Final = 8 << 20
"""Of all files of a pack together, in UTF-8: two lists of LIST_ENTRIES_MAX wallets. The switch takes as much."""

_FIELDS: Final = ("name", "description", "fallback", "card", "thresholds", "lists", "rules", "tables", "tests")
_RULE_FIELDS: Final = ("id", "when", "action", "points", "reason", "mode", "from", "until", "description")
_TABLE_FIELDS: Final = ("id", "hit", "inputs", "rows", "mode", "from", "until", "description")
_ROW_FIELDS: Final = ("when", "action", "points", "reason")
_FILE_NAME: Final = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")

Entries = Sequence[tuple[Span, Value]]
"""Of a list in a cell: from where to where each stands in the cell's condition, and itself."""
ReadFile = Callable[[str], str]
"""Text of a file beside the pack, by its name. Raises OSError or KeyError."""


class Mode(StrEnum):
    """live: decides; shadow: is evaluated and counted, decides nothing; off: is checked only."""

    LIVE = "live"
    SHADOW = "shadow"
    OFF = "off"


class RuleText(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it stands in a document. `root`: where in the program its condition is, effective dates included. `table`: the one whose
    row it is if only the first row that fits fires, and `cells`: where its condition is whatever the rows before it say, without dates."""

    id: str
    action: Action
    points: int
    reason: str
    mode: Mode
    root: int
    line: int
    table: str = ""
    cells: int = 0


class CardReference(msgspec.Struct, frozen=True, kw_only=True):
    """Which card a pack uses: `name@version`, or a card of its own. `problem` is the message when there is no such card."""

    reference: str
    card: Scorecard | None
    problem: Problem


class PackDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A pack that was read and checked. `files`: texts of the files it names, so that text and files are all of it. `notes`: what may be
    meant otherwise: overlaps and gaps of tables, conditions that have no value where something is not given. `stored`: as it was
    read; `kept`: lists that the switch keeps, in the order of their columns, with their types."""

    name: str
    description: str
    fallback: Action
    card: CardReference | None
    review_below: int | None
    decline_below: int | None
    rules: tuple[RuleText, ...]
    ops: tuple[Op, ...]
    tests: tuple[Case, ...]
    notes: tuple[Problem, ...]
    text: str
    files: dict[str, str]
    stored: bool
    kept: tuple[tuple[KeptColumn, str], ...] = ()


def no_files(name: str) -> str:
    """For packs that may name no files."""
    raise KeyError(name)


def read_pack(text: str, files: ReadFile = no_files, *, stored: bool = False) -> PackDocument:
    """A document that is checked. `stored`: it was published, perhaps when less was checked, and what was taken then is taken for ever.
    Raises PackError with all problems that were found."""
    document = Document(text)
    return _Pack(document, files, stored).read()


class _Pack(Reader):
    def __init__(self, document: Document, files: ReadFile, stored: bool) -> None:
        super().__init__(document, stored)
        self._files = files
        self._read_files: dict[str, str] = {}
        self._files_bytes = 0
        self._program = Program()
        self._ids: set[str] = set()
        self._notes: list[Problem] = []
        self._length = 0

    def read(self) -> PackDocument:
        self.refuse_other_kind(
            PACK_FIELD,
            SCENARIO_FIELD,
            "this is a credit scenario, not a rule pack",
            "publish it by `shardpay scenarios publish` or PUT /v1/scenarios/{name}",
        )
        fields = self.fields(self.document.root, _FIELDS, "a pack", needed=("name", PACK_FIELD))
        name = self.name(fields.get("name"))
        lists = {name: self._list(name, value) for name, value in self.named(fields.get("lists"), "lists", LISTS_MAX)}
        checker = Checker(self._program, lists, stored=self.stored)
        rules = [self._rule(value, checker) for value in self.entries(fields.get("rules"), "rules", RULES_MAX)]
        for value in self.entries(fields.get("tables"), "tables", RULES_MAX):
            rules += self._table(value, checker)
            if len(rules) > RULES_MAX:
                self.wrong(value, f"more than {RULES_MAX} rules, with the rows of tables")
                raise PackError(self.problems)
        review, decline = self._thresholds(fields.get("thresholds"))
        found = PackDocument(
            name=name,
            description=self.text(fields.get("description"), "description"),
            fallback=self._action(fields.get("fallback"), "fallback"),
            card=self._card(fields.get("card")),
            review_below=review,
            decline_below=decline,
            rules=tuple(rules),
            ops=tuple(self._program.ops),
            tests=read_cases(self, fields.get("tests"), {rule.id for rule in rules if rule.mode is not Mode.OFF}),
            notes=tuple(self._notes),
            text=self.document.text,
            files=self._read_files,
            stored=self.stored,
            kept=tuple((column, type_.name) for column, type_ in checker.kept.items()),
        )
        if found.card is None and (review is not None or decline is not None) and not self._scored(found):
            self.wrong(fields["thresholds"], "thresholds need points", "name a card, or give rules points")
        if self.problems:
            raise PackError(self.problems)
        return found

    def _scored(self, found: PackDocument) -> bool:
        return any(rule.points for rule in found.rules)

    def _action(self, value: Value | None, what: str = "action") -> Action:
        word = self.choice(value, what, [action.name.lower() for action in Action], "approve")
        return Action[word.upper()]

    def _thresholds(self, value: Value | None) -> tuple[int | None, int | None]:
        if value is None:
            return None, None
        fields = self.fields(value, ("review_below", "decline_below"), "thresholds")
        numbers = {name: self.integer(inner, name, THRESHOLD_MAX) for name, inner in fields.items()}
        review, decline = numbers.get("review_below"), numbers.get("decline_below")
        if review is not None and decline is not None and review < decline:
            self.wrong(value, "review_below lies under decline_below, so nothing would be reviewed")
        return review, decline

    def _card(self, value: Value | None) -> CardReference | None:
        if value is None:
            return None
        problem = self.document.problem(value.start, value.end, "there is no such card", "publish the card first")
        if isinstance(value.data, str):
            if "@" not in value.data:
                self.wrong(value, "a card is named with its version", "like payment-risk@3")
            return CardReference(reference=value.data, card=None, problem=problem)
        try:
            card = msgspec.convert(value.plain, Scorecard)
        except (msgspec.ValidationError, ValueError) as error:
            self.wrong(value, f"no scorecard: {error}")
            return None
        return CardReference(reference=f"{card.name}@{card.version}", card=card, problem=problem)

    def _list(self, name: str, value: Value) -> NamedList:
        if value.is_map:
            fields = self.fields(value, ("file", "kept"), "a list")
            if len(fields) != 1:
                self.wrong(value, f"the list {name} has a file, or is kept by the switch", "file: NAME, or kept: NAME")
                return NamedList(name=name, entries=())
            if "kept" in fields:
                return NamedList(name=name, entries=(), kept=self.name(fields["kept"]))
            found = self._file(name, fields["file"])
        else:
            found = self._inline(name, value)
        if not found.entries and not self.problems:
            self._notes.append(self.document.problem(value.start, value.end, f"the list {name} is empty"))
        return found

    def _inline(self, name: str, value: Value) -> NamedList:
        items = list(self.entries(value, "entries", LIST_ENTRIES_MAX))
        odd = odd_one(item.data for item in items)
        if odd is not None:
            message = f"the list {name} holds texts or whole numbers, not both, and nothing else"
            self.wrong(items[odd], message, "put quotes around what is meant as a text")
            items = []
        lines = tuple(self.document.line(item.start) for item in items)
        return NamedList(name=name, entries=tuple(item.data for item in items), lines=lines)

    def _file(self, name: str, value: Value) -> NamedList:
        file = value.data
        nothing = NamedList(name=name, entries=())
        if not isinstance(file, str) or _FILE_NAME.fullmatch(file) is None:
            self.wrong(value, "a list's file lies beside the pack", "a relative path of letters, digits, _ . - /")
            return nothing
        try:
            text = self._files(file)
        except UnicodeError:
            self.wrong(value, f"the file {file} is not UTF-8")
            return nothing
        except (OSError, KeyError):
            self.wrong(value, f"the file {file} cannot be read")
            return nothing
        self._files_bytes += 0 if file in self._read_files else len(text.encode())
        if self._files_bytes > FILES_BYTES_MAX:
            self.wrong(
                value, f"the files up to {file} have more than {FILES_BYTES_MAX:,} bytes", "make two packs of it"
            )
            return nothing
        self._read_files[file] = text
        entries, lines = entries_of_file(text)
        if len(entries) > LIST_ENTRIES_MAX:
            where = (
                f"the file {file} has more than {LIST_ENTRIES_MAX:,} entries, from line {lines[LIST_ENTRIES_MAX]} on"
            )
            self.wrong(value, where, "make two lists of it")
            return nothing
        return NamedList(name=name, entries=entries, lines=lines, file=file)

    def _rule(self, value: Value, checker: Checker) -> RuleText:
        fields = self.fields(value, _RULE_FIELDS, "a rule", needed=("id", "when", "action"))
        mode = self._mode(fields)
        root = self._dated(fields, self._condition(fields.get("when"), checker))
        self.text(fields.get("description"), "description")
        return self._outcome(value, fields, self._identity(fields.get("id")), mode, root)

    def _identity(self, value: Value | None) -> str:
        identity = self.name(value)
        if value is not None:
            self._take(value, identity)
        return identity

    def _row_identity(self, row: Value, table: str, number: int) -> str:
        """What the row of a table is called, as snoozes and counts name it. Published packs may have a rule of the same name."""
        identity = f"{table}.{number}"
        if table and not self.stored:
            self._take(row, identity)
        return identity

    def _take(self, value: Value, identity: str) -> None:
        """Whoever snoozes a rule means one."""
        if identity in self._ids:
            self.wrong(value, f"two rules are called {identity}")
        self._ids.add(identity)

    def _mode(self, fields: dict[str, Value]) -> Mode:
        return Mode(self.choice(fields.get("mode"), "mode", list(Mode), Mode.LIVE))

    def _outcome(self, value: Value, fields: dict[str, Value], identity: str, mode: Mode, root: int) -> RuleText:
        """A rule or row, by what it does when its condition holds."""
        action = self._action(fields.get("action"))
        reason = self.reason(fields.get("reason"))
        if action is not Action.APPROVE and "reason" not in fields and "action" in fields:
            self.wrong(value, f"what may {action.name.lower()} needs a reason")
        return RuleText(
            id=identity,
            action=action,
            points=self.integer(fields.get("points"), "points", POINTS_MAX),
            reason=reason,
            mode=mode,
            root=root,
            line=self.document.problem(value.start, value.end, "").line,
        )

    def _table(self, value: Value, checker: Checker) -> list[RuleText]:
        fields = self.fields(value, _TABLE_FIELDS, "a table", needed=("id", "hit", "inputs", "rows"))
        identity = self._identity(fields.get("id"))
        hit = self.choice(fields.get("hit"), "hit", ("first", "collect"), "first")
        mode = self._mode(fields)
        inputs = [self._input(each, checker) for each in self.entries(fields.get("inputs"), "inputs", INPUTS_MAX)]
        rows = list(self.entries(fields.get("rows"), "rows", RULES_MAX))
        read = [self.fields(row, _ROW_FIELDS, "a row", needed=("when", "action")) for row in rows]
        cells = [self._cells(row, inputs, each.get("when"), checker) for row, each in zip(rows, read, strict=True)]
        self.text(fields.get("description"), "description")
        if not self.problems:
            self._notes += notes_of(self.document, value, rows, cells, inputs, self._program.ops, hit == "first")
        roots = [self._program.all_of(each) if each else self._program.truth(True) for each in map(_given, cells)]
        firing = first_only(self._program, roots) if hit == "first" else roots
        found = [
            self._outcome(row, each, self._row_identity(row, identity, at), mode, self._dated(fields, root))
            for at, (row, each, root) in enumerate(zip(rows, read, firing, strict=True), start=1)
        ]
        if hit == "first":
            found = [
                msgspec.structs.replace(rule, table=identity, cells=root)
                for rule, root in zip(found, roots, strict=True)
            ]
        if hit == "first" and not self.problems:
            does = [rule.action is not Action.APPROVE or rule.points != 0 for rule in found]
            self._notes += nothing_given(self.document, rows, roots, firing, does, inputs, self._program.ops)
        return found

    def _input(self, value: Value, checker: Checker) -> Input:
        """An expression that cells are about."""
        text = value.data if isinstance(value.data, str) else ""
        try:
            place, type_ = checker.value(text)
        except ExpressionError as error:
            self.wrong_within(value, error)
            place, type_ = self._program.constant(0), INT
        else:
            self._remark(value, checker)
        return Input(text=text, place=place, type=type_)

    def _cells(self, row: Value, inputs: Sequence[Input], value: Value | None, checker: Checker) -> list[int | None]:
        """Conditions of a row, None for a cell that takes anything."""
        cells = list(self.entries(value, "cells", INPUTS_MAX))
        if value is not None and len(cells) != len(inputs):
            self.wrong(
                value,
                f"{counted(len(inputs), 'input needs', 'inputs need')} {counted(len(inputs), 'cell')}, not {len(cells)}",
            )
        if len(cells) != len(inputs) or self.problems:
            return [None] * len(inputs)
        return [self._cell(cell, each, checker) for cell, each in zip(cells, inputs, strict=True)]

    def _cell(self, value: Value, about: Input, checker: Checker) -> int | None:
        data = [item.data for item in value.data] if isinstance(value.data, list) else value.data
        try:
            cell = cell_of(about.text, data, about.type)
        except ValueError as error:
            self.wrong(value, str(error))
            return None
        if cell is None:
            return None
        entries = tuple(zip(cell.entries, value.data, strict=True)) if isinstance(value.data, list) else ()
        return self._checked(value, cell.text, checker, cell.before, entries)

    def _condition(self, value: Value | None, checker: Checker) -> int:
        if value is None:
            return self._program.truth(False)
        if isinstance(value.data, bool):
            return self._program.truth(value.data)
        if not isinstance(value.data, str):
            self.wrong(value, "a condition is expected", "put quotes around the whole of it")
            return self._program.truth(False)
        return self._checked(value, value.data, checker)

    def _checked(self, value: Value, text: str, checker: Checker, before: int = 0, entries: Entries = ()) -> int:
        """A condition that stands in a value, after `before` characters that do not. `entries`: those of a list, in the condition and in
        the document."""
        self._length += min(len(text), LENGTH_MAX)
        if self._length > CONDITIONS_LENGTH_MAX or len(self._program.ops) > OPERATIONS_MAX:
            self.wrong(value, "the conditions up to here are more than one pack may hold", "make two packs of it")
            raise PackError(self.problems)
        try:
            place = checker.condition(text)
        except ExpressionError as error:
            entry = _entry(value, error.start, entries)
            if entry is None:
                self.wrong_within(value, error, before)
            else:
                self.wrong(entry, error.message, error.hint)
            return self._program.truth(False)
        self._remark(value, checker, before, entries)
        return place

    def _remark(self, value: Value, checker: Checker, before: int = 0, entries: Entries = ()) -> None:
        """Remarks on an expression become notes, as many as a person reads."""
        for remark in checker.remarks[: NOTES_MAX - len(self._notes)]:
            entry = _entry(value, remark.start, entries)
            if entry is None:
                self._notes.append(self.within(value, remark, before))
            else:
                self._notes.append(self.document.problem(entry.start, entry.end, remark.message, remark.hint))

    def _dated(self, fields: dict[str, Value], root: int) -> int:
        """The condition, within its dates: from the first moment on, before the last."""
        moments = {name: self._moment(fields[name]) for name in ("from", "until") if name in fields}
        if len(moments) == 2 and moments["from"] >= moments["until"]:
            self.wrong(fields["until"], "until lies before from, so the rule would never fire")
        parts = [
            self._program.apply(
                "ge" if name == "from" else "lt", self._program.column("effective_time"), self._program.constant(ms)
            )
            for name, ms in moments.items()
        ]
        return self._program.all_of([*parts, root])

    def _moment(self, value: Value) -> int:
        try:
            return time_ms(str(value.data))
        except ValueError as error:
            self.wrong(value, str(error))
            return 0


def _entry(value: Value, start: int, entries: Entries) -> Value | None:
    """The entry of a list in a cell that a character of its condition belongs to, the list where it is none's; None without a list."""
    if not isinstance(value.data, list):
        return None
    return next((item for (first, end), item in entries if first <= start < end), value)


def _given(cells: Iterable[int | None]) -> list[int]:
    return [cell for cell in cells if cell is not None]
