"""Read a scenario: a YAML document, taken as a whole or not at all.

It says what a merchant's service asks of a holder, what is granted, for how long a consent lasts, and what is said when the answer is no.
Every term but the grant is the same for everybody, and nothing in it is a price. docs/reference/scenarios.md describes the format.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

from rules.language.check import Checker
from rules.language.ir import Op, Program
from rules.language.problems import ExpressionError, PackError, Problem
from rules.language.reading import PACK_FIELD, SCENARIO_FIELD, Reader
from rules.language.remarks import columns_of
from rules.language.yaml_nodes import Document, Value
from rules.scenarios.cases import Case, read_cases
from rules.scenarios.evaluation import NOTHING, OPERATIONS, Evaluator
from rules.vocabulary.catalogue import INT
from rules.vocabulary.credit import CATEGORIES, CATEGORY, CREDIT, CREDIT_COLUMNS, price_word
from rules.vocabulary.currencies import NUMERIC

REQUIREMENTS_MAX: Final = 16
"""A refusal keeps its reasons as a mask of 32 bits; more than so many nobody can tell a holder."""
OPERATIONS_MAX: Final = 512
"""Of one scenario: a decision walks all of them."""
CURRENCIES_MAX: Final = 64
CAP_MAX: Final = 2**53 - 1
DAYS_MAX: Final = 3_650
HOURS_MAX: Final = 8_760
OPEN_ORDERS_MAX: Final = 255
DECISIONS_MAX: Final = 255
"""Requests have a byte for each."""
NOTES_MAX: Final = 50

_FIELDS: Final = (
    *("name", "title", "description", "kind", "purpose", "data", "condition", "grant"),
    *("limits", "terms", "refusal", "tests"),
)
_NEEDED: Final = ("name", "title", "kind", "purpose", "data", SCENARIO_FIELD, "limits", "terms", "refusal")
_PART_FIELDS: Final = ("if", "reason", "text")
_LIMITS: Final = ("open_orders", "decisions", "cap")
_TERMS: Final = ("consent_days", "standing", "receipt_hours", "confirm_days", "default_days")


class ScenarioKind(StrEnum):
    """deposit_waived: nothing is held, a cap says what can be asked at most; pay_later: used now, paid at the end; credit_line: an amount
    that the merchant may lend; badge: a yes alone."""

    DEPOSIT_WAIVED = "deposit_waived"
    PAY_LATER = "pay_later"
    CREDIT_LINE = "credit_line"
    BADGE = "badge"


WITH_ORDERS: Final = (ScenarioKind.DEPOSIT_WAIVED, ScenarioKind.PAY_LATER)
"""Kinds of scenarios in which service orders are made."""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the condition. `root`: where in the program it is; `text`: what the holder is told when it does not hold."""

    source: str
    reason: str
    text: str
    root: int


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for everybody. `cap`: minor units by currency; `open_orders` of a wallet; `decisions` of one merchant about one wallet in
    24 hours; `standing`: whether a consent may confirm orders beforehand."""

    open_orders: int
    decisions: int
    cap: dict[str, int]
    consent_days: int
    standing: bool
    receipt_hours: int
    confirm_days: int
    default_days: int


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario that was read and checked. `grant`: place of an operation, NOTHING for a badge. `data`: categories that it uses.
    `notes`: what may be meant otherwise."""

    name: str
    title: str
    description: str
    kind: ScenarioKind
    purpose: str
    data: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    grant: int
    grant_source: str
    terms: Terms
    refusal: str
    ops: tuple[Op, ...]
    tests: tuple[Case, ...]
    notes: tuple[Problem, ...]
    text: str

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reason codes by bit."""
        return tuple(each.reason for each in self.requirements)

    def evaluator(self) -> Evaluator:
        """What answers for it."""
        return Evaluator(self.ops, [each.root for each in self.requirements], self.grant)


def is_scenario(text: str) -> bool:
    """Whether a document means to be a scenario, not a rule pack. Raises PackError where it is no YAML at all."""
    root = Document(text).root
    return root.is_map and SCENARIO_FIELD in root.data


def read_scenario(text: str, *, stored: bool = False) -> Scenario:
    """A document that is checked. `stored`: it was published, perhaps when less was checked. Raises PackError with all problems that were
    found."""
    return _Scenario(Document(text), stored).read()


class _Scenario(Reader):
    def __init__(self, document: Document, stored: bool) -> None:
        super().__init__(document, stored)
        self._program = Program()
        self._notes: list[Problem] = []
        self._checker = Checker(self._program, {}, stored=stored, vocabulary=CREDIT)

    def read(self) -> Scenario:
        self.refuse_other_kind(
            SCENARIO_FIELD,
            PACK_FIELD,
            "this is a rule pack, not a credit scenario",
            "publish it by `shardpay rules publish` or PUT /v1/rule-packs/{name}",
        )
        self._refuse_prices()
        fields = self.fields(self.document.root, _FIELDS, "a scenario", needed=_NEEDED)
        wanted = self.choice(fields.get("kind"), "kind", list(ScenarioKind), "")
        kind = ScenarioKind(wanted) if wanted else None
        requirements = tuple(self._requirements(fields.get("condition")))
        found = Scenario(
            name=self.name(fields.get("name")),
            title=self._filled_text(fields, "title"),
            description=self.text(fields.get("description"), "description"),
            kind=kind or ScenarioKind.BADGE,
            purpose=self._filled_text(fields, "purpose"),
            data=self._data(fields.get("data")),
            requirements=requirements,
            grant=self._grant(fields, kind),
            grant_source=str(fields["grant"].plain).strip() if "grant" in fields else "",
            terms=self._terms(fields, kind),
            refusal=self._filled_text(fields, "refusal"),
            ops=tuple(self._program.ops),
            tests=read_cases(self, fields.get("tests"), {each.reason for each in requirements}),
            notes=tuple(self._notes),
            text=self.document.text,
        )
        if not self.problems:
            self._check_program(found, fields)
        if self.problems:
            raise PackError(self.problems)
        return found

    def _refuse_prices(self) -> None:
        """Whatever else is wrong: a document with a price in it is none that could be mended by renaming a field."""
        for name, key in _keys(self.document.root):
            if price_word(name) and not self.stored:
                hint = "what a service costs is the merchant's list, the same for everybody"
                self.wrong(key, f"a scenario sets no price: {name}", hint)
        if self.problems:
            raise PackError(self.problems)

    def _filled_text(self, fields: dict[str, Value], name: str) -> str:
        """A text that people read, so there must be one."""
        text = self.text(fields.get(name), name)
        if name in fields and not text.strip():
            self.wrong(fields[name], f"{name}: a text is expected")
        return text

    def _requirements(self, value: Value | None) -> Iterator[Requirement]:
        seen: set[str] = set()
        parts = list(self.entries(value, "condition", REQUIREMENTS_MAX))
        if value is not None and isinstance(value.data, list) and not parts:
            self.wrong(value, "a condition has at least one part", "whoever asks for nothing needs no scenario")
        for each in parts:
            fields = self.fields(each, _PART_FIELDS, "a part of the condition", needed=_PART_FIELDS)
            reason = self.reason(fields.get("reason"))
            if reason and reason in seen:
                self.wrong(fields["reason"], f"two parts give the reason {reason}", "join them with &&")
            seen.add(reason)
            root = self._expression(fields["if"], want_truth=True) if "if" in fields else 0
            source = str(fields["if"].plain).strip() if "if" in fields else ""
            yield Requirement(source=source, reason=reason, text=self._filled_text(fields, "text"), root=root)

    def _expression(self, value: Value, *, want_truth: bool) -> int:
        """Place of a condition's part or of the grant."""
        if isinstance(value.data, bool) and want_truth:
            return self._program.truth(value.data)
        if not isinstance(value.data, str | int) or isinstance(value.data, bool):
            self.wrong(value, "an expression is expected", "put quotes around the whole of it")
            return self._program.constant(0)
        text = str(value.data)
        try:
            if want_truth:
                place = self._checker.condition(text)
            else:
                place, type_ = self._checker.value(text)
                if type_ is not INT:
                    self.wrong(value, f"a grant is a whole number of minor units, this is a {type_.name}")
        except ExpressionError as error:
            self.wrong_within(value, error)
            return self._program.constant(0)
        self._notes += [
            self.within(value, remark, 0) for remark in self._checker.remarks[: NOTES_MAX - len(self._notes)]
        ]
        return place

    def _data(self, value: Value | None) -> tuple[str, ...]:
        named: list[str] = []
        for item in self.entries(value, "data", len(CATEGORIES)):
            word = self.choice(item, "data", CATEGORIES, "")
            if word and word in named:
                self.wrong(item, f"{word} stands here twice")
            named.append(word)
        return tuple(named)

    def _grant(self, fields: dict[str, Value], kind: ScenarioKind | None) -> int:
        value = fields.get("grant")
        if kind is None:
            return NOTHING
        if kind is ScenarioKind.BADGE:
            if value is not None:
                self.wrong(value, "a badge grants nothing but its yes")
            return NOTHING
        if value is None:
            self.wrong(
                self.document.root, f"a scenario of the kind {kind} needs the field grant", "like `grant: amount`"
            )
            return NOTHING
        return self._expression(value, want_truth=False)

    def _terms(self, fields: dict[str, Value], kind: ScenarioKind | None) -> Terms:
        orders = kind in WITH_ORDERS
        limits = self._sub(fields, "limits", _LIMITS, ("decisions", "cap", *(("open_orders",) if orders else ())))
        needed = ("consent_days", "receipt_hours", *(("confirm_days", "default_days") if orders else ()))
        terms = self._sub(fields, "terms", _TERMS, needed)
        return Terms(
            open_orders=self._same_for_all(limits, "open_orders", OPEN_ORDERS_MAX),
            decisions=self._same_for_all(limits, "decisions", DECISIONS_MAX),
            cap=self._cap(limits.get("cap")),
            consent_days=self._same_for_all(terms, "consent_days", DAYS_MAX),
            standing=self._standing(terms.get("standing")),
            receipt_hours=self._same_for_all(terms, "receipt_hours", HOURS_MAX),
            confirm_days=self._same_for_all(terms, "confirm_days", DAYS_MAX),
            default_days=self._same_for_all(terms, "default_days", DAYS_MAX),
        )

    def _sub(
        self, fields: dict[str, Value], name: str, known: tuple[str, ...], needed: tuple[str, ...]
    ) -> dict[str, Value]:
        return self.fields(fields[name], known, name, needed=needed) if name in fields else {}

    def _same_for_all(self, fields: dict[str, Value], name: str, most: int) -> int:
        """A term: a number, never an expression, so that nobody's terms follow from what is known of them."""
        value = fields.get(name)
        if value is None:
            return 0
        if isinstance(value.data, str):
            hint = "only the grant may depend on the holder's data"
            self.wrong(
                value, f"{name}: personal terms are refused, a term is a number and the same for everybody", hint
            )
            return 0
        number = self.integer(value, name, most)
        if number < 1 and type(value.data) is int:
            self.wrong(value, f"{name}: a whole number from 1 to {most:,} is expected")
        return number

    def _standing(self, value: Value | None) -> bool:
        if value is not None and not isinstance(value.data, bool):
            self.wrong(value, "standing: true or false is expected")
        return value is not None and value.data is True

    def _cap(self, value: Value | None) -> dict[str, int]:
        caps: dict[str, int] = {}
        for name, inner in self.named(value, "cap", CURRENCIES_MAX):
            if name not in NUMERIC:
                self.wrong(inner, f"{name} is no currency", "an ISO 4217 code like EUR is expected")
            caps[name] = self._same_for_all({name: inner}, name, CAP_MAX)
        if value is not None and value.is_map and not value.data:
            self.wrong(value, "cap: at least one currency is expected", "like {EUR: 50000}, in minor units")
        return caps

    def _check_program(self, found: Scenario, fields: dict[str, Value]) -> None:
        """What only the whole of it shows."""
        if len(found.ops) > OPERATIONS_MAX:
            self.wrong(fields["condition"], "more than one scenario may hold", "make two scenarios of it")
        if any(op.name not in OPERATIONS for op in found.ops):
            self.wrong(fields["condition"], "a scenario has no clocks", "it is asked at any hour")
        roots = [*(each.root for each in found.requirements), *([found.grant] if found.grant != NOTHING else [])]
        used = {CREDIT_COLUMNS[column] for column in columns_of(found.ops, roots)}
        used |= {CREDIT_COLUMNS[op.value] for op in found.ops if op.name == "null" and isinstance(op.value, int)}
        needed = {CATEGORY[name] for name in used if name in CATEGORY}
        for category in sorted(needed - set(found.data)):
            names = ", ".join(sorted(name for name in used if CATEGORY.get(name) == category))
            hint = "a holder's consent names every category that is used"
            self.wrong(fields["data"], f"data does not name {category}, which {names} belongs to", hint)
        for category in found.data:
            if category not in needed:
                self.wrong(fields["data"], f"data names {category}, which nothing here uses", "leave it out")


def _keys(value: Value) -> Iterator[tuple[str, Value]]:
    """All keys of mappings, wherever they lie, with their text: `1` and `true` are keys too."""
    if value.is_map:
        for name, (key, inner) in value.data.items():
            yield name, key
            yield from _keys(inner)
    elif isinstance(value.data, list):
        for item in value.data:
            yield from _keys(item)
