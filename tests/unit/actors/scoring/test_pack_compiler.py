"""Packs are checked by a child process: what it says comes back, and nothing that a pack does to it reaches the parent."""

import asyncio
from typing import Any

import pytest

from actors.scoring import pack_compiler
from actors.scoring.pack_compiler import PackCompiler, PackRefused
from rules.decisions.decision import Action

CARD = (
    b'{"name":"risk","version":3,"characteristics":'
    b'[{"feature":"amount","reason":"HIGH","edges":[5],"points":[9,1],"missing":1}]}'
)
PACK = """\
name: p
fallback: review
card: risk@3
rules:
  - {id: one, when: amount > 5, action: decline, reason: BIG}
  - {id: two, when: amount > 4, action: decline, reason: BIG, mode: shadow}
  - {id: three, when: amount > 3, action: decline, reason: BIG, mode: off}
"""


class Cards:
    """Scorecards that are asked for."""

    def __init__(self, **there: bytes) -> None:
        self.there = there
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, name: str, version: int) -> bytes | None:
        self.asked.append((name, version))
        return self.there.get(f"{name}_{version}")


async def problems(text: str, cards: Any, timeout_s: float = 60.0) -> tuple[Any, ...]:
    with pytest.raises(PackRefused) as refused:
        await PackCompiler(timeout_s).check(text, {}, cards)
    assert refused.value.problems
    return refused.value.problems


async def test_a_pack_says_what_it_is_and_its_card_is_asked_for() -> None:
    cards = Cards(risk_3=CARD)
    facts = await PackCompiler().check(PACK, {}, cards)
    assert cards.asked == [("risk", 3)]
    assert (facts.name, facts.fallback, facts.card) == ("p", Action.REVIEW, ("risk", 3))
    assert (facts.rules, facts.live, facts.reasons) == (("one", "two"), (True, False), ("BIG", "HIGH"))
    again = await PackCompiler().check(PACK, {}, cards)
    assert again == facts


async def test_a_card_that_is_not_there_is_a_problem_at_its_place() -> None:
    (problem,) = await problems(PACK, Cards())
    assert (problem.line, problem.column) == (3, 7)


@pytest.mark.parametrize("text", ["", "[", "name: p", "x" * 100_000, "name: p\nfallback: approve\nrules:\n- {id: a}\n"])
async def test_what_is_wrong_comes_back_with_its_place(text: str) -> None:
    cards = Cards()
    assert all(each.line >= 1 and each.column >= 1 for each in await problems(text, cards))
    assert cards.asked == []


async def test_a_child_that_takes_too_long_is_ended() -> None:
    (problem,) = await problems(PACK, Cards(risk_3=CARD), timeout_s=0.01)
    assert "does not compile within" in problem.message


async def test_a_child_that_dies_is_a_problem_and_the_next_pack_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_compiler.sys, "executable", "/bin/true")
    (problem,) = await problems(PACK, Cards())
    assert "ended without an answer" in problem.message
    monkeypatch.undo()
    both = await asyncio.gather(*(PackCompiler().check(PACK, {}, Cards(risk_3=CARD)) for _ in range(2)))
    assert both[0] == both[1]
