"""From a document that was checked, and the card it names, to a pack that decides."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import msgspec

from models.scorecard import Scorecard, flatten
from rules.compile.codegen import Fires, generate
from rules.decisions.pack import REASONS_PER_PACK_MAX, FirstTable, Pack, Rule
from rules.language.document import CardReference, Mode, PackDocument, RuleText
from rules.language.ir import Program
from rules.language.problems import PackError, Problem, did_you_mean, shortened
from rules.language.words import check_categories
from rules.vocabulary.catalogue import CODES
from rules.vocabulary.columns import INDEX

MISSING_NAMED_MAX = 5
"""Columns of a card that are not there and are named."""


def compile_pack(
    document: PackDocument, cards: Mapping[str, Scorecard], number: int, version: int, *, keep: bool = False
) -> Pack:
    """A pack with its rules as code, which becomes machine code when a `Decider` is made of it. `cards` by `name@version`; `keep`: as in
    `models.jit.compiled`. Raises PackError when the card is not there or does not fit."""
    rules = [rule for rule in document.rules if rule.mode is not Mode.OFF]
    code = generate(Program(document.ops), [rule.root for rule in rules])
    tables = _first_tables(rules)
    rows = [rules[place].cells for table in tables for place in table.places]
    pack = Pack(
        number=number,
        name=document.name,
        version=version,
        rules=tuple(
            Rule(
                id=rule.id,
                action=rule.action,
                reason=rule.reason,
                points=rule.points,
                live=rule.mode is Mode.LIVE,
            )
            for rule in rules
        ),
        card=_card(document, cards),
        review_below=document.review_below,
        decline_below=document.decline_below,
        fallback=document.fallback,
        fires=Fires(code, keep=keep),
        kept=tuple(column for column, _ in document.kept),
        tables=tables,
        rows=Fires(generate(Program(document.ops), rows), keep=keep) if rows else None,
    )
    if len(pack.reasons) > REASONS_PER_PACK_MAX:
        message = f"{len(pack.reasons)} different reasons, with the card's; a decision keeps {REASONS_PER_PACK_MAX}"
        raise PackError([Problem(line=1, column=1, message=message, hint="let rules share a reason")])
    return pack


def _first_tables(rules: Sequence[RuleText]) -> tuple[FirstTable, ...]:
    """Tables of several rows of which only the first that fits fires."""
    found: list[FirstTable] = []
    at = 0
    for name, group in groupby(enumerate(rules), lambda each: each[1].table):
        places = [place for place, _ in group]
        if name and len(places) > 1:
            found.append(FirstTable(places[0], len(places), at))
            at += len(places)
    return tuple(found)


def _card(document: PackDocument, cards: Mapping[str, Scorecard]) -> Scorecard | None:
    named = document.card
    if named is None:
        return None
    card = named.card if named.card is not None else cards.get(named.reference)
    if card is None:
        raise PackError([named.problem])
    missing = [item.feature for item in card.characteristics if item.feature not in INDEX]
    if missing:
        raise PackError([_no_such_columns(named, card, missing)])
    try:
        for item in card.characteristics:
            if item.scale != 1:
                raise ValueError(f"{card.name}: columns are whole numbers, so {item.feature!r} has no scale here")
            if not document.stored:
                check_categories(item)
        flatten(card, INDEX, CODES)
    except ValueError as error:
        raise PackError([msgspec.structs.replace(named.problem, message=str(error), hint="")]) from None
    return card


def _no_such_columns(named: CardReference, card: Scorecard, missing: list[str]) -> Problem:
    """A card that looks at what no payment has, as one for loans does."""
    shown = [
        repr(shortened(each)) + (f" ({hint})" if (hint := did_you_mean(each, INDEX)) else "")
        for each in missing[:MISSING_NAMED_MAX]
    ]
    more = f" and {len(missing) - MISSING_NAMED_MAX} more" if len(missing) > MISSING_NAMED_MAX else ""
    message = f"the card {card.name}@{card.version} looks at {', '.join(shown)}{more}, which no payment has"
    return msgspec.structs.replace(named.problem, message=message, hint=f"payments have {', '.join(sorted(INDEX))}")
