"""Packs are checked by a child process: what it says comes back, and nothing that a pack does to it reaches the parent."""

import asyncio
import uuid
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actors.process.forked import Forks
from actors.scoring.pack_compiler import PackCompiler, PackRefused, load_pack
from actors.stores.rule_packs import StoredPack
from rules.decisions.decision import Action

pytestmark = pytest.mark.long

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
DEAD = Forks("actors.scoring.pack_compiler", executable="/bin/true")
"""Whose children end before they begin."""


class Cards:
    """Scorecards that are asked for."""

    def __init__(self, **there: bytes) -> None:
        self.there = there
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, name: str, version: int) -> bytes | None:
        self.asked.append((name, version))
        return self.there.get(f"{name}_{version}")


def unseen() -> str:
    """The pack as nobody on this machine has written it before."""
    return f"{PACK}# {uuid.uuid4()}\n"


async def problems(text: str, cards: Any, timeout_s: float = 60.0) -> tuple[Any, ...]:
    with pytest.raises(PackRefused) as refused:
        await PackCompiler(timeout_s).check(text, {}, cards)
    assert refused.value.problems
    return refused.value.problems


async def test_a_pack_says_what_it_is_and_its_card_is_asked_for() -> None:
    cards = Cards(risk_3=CARD)
    facts = await PackCompiler().check(unseen(), {}, cards)
    assert cards.asked == [("risk", 3)]
    assert (facts.name, facts.fallback, facts.card) == ("p", Action.REVIEW, ("risk", 3))
    assert (facts.rules, facts.live, facts.reasons) == (("one", "two"), (True, False), ("BIG", "HIGH"))


async def test_what_may_be_meant_otherwise_is_told_also_of_what_was_checked_before() -> None:
    text = unseen().replace("amount > ", "payer_score > 5 || amount > ", 1)
    for _ in range(2):
        (note, *_) = (await PackCompiler().check(text, {}, Cards(risk_3=CARD))).notes
        assert (note.line, note.column) == (5, 21)
        assert note.message == "payer_score is 350..950, so this always holds"


async def test_what_was_checked_on_this_machine_is_found_with_the_same_card_and_without_a_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, other = unseen(), CARD.replace(b"HIGH", b"TALL")
    facts = await PackCompiler().check(text, {}, Cards(risk_3=CARD))
    with monkeypatch.context() as patch:
        patch.setattr("actors.scoring.pack_compiler.CHILDREN", DEAD)
        assert await PackCompiler().check(text, {}, Cards(risk_3=CARD)) == facts
        for cards, files in ((Cards(), {}), (Cards(risk_3=other), {}), (Cards(risk_3=CARD), {"a.txt": "a"})):
            with pytest.raises(PackRefused, match="ended without an answer"):
                await PackCompiler().check(text, files, cards)
    assert (await PackCompiler().check(text, {}, Cards(risk_3=other))).reasons == ("BIG", "TALL")


class _Published:
    """A store with one pack, and its card."""

    def __init__(self, stored: StoredPack) -> None:
        self.stored = stored

    async def packs(self, numbers: Any) -> Any:
        return {number: self.stored for number in numbers}

    async def card(self, name: str, version: int) -> Any:
        return SimpleNamespace(document=CARD.decode())


async def test_who_decides_with_a_pack_that_has_a_card_only_loads_what_the_check_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = unseen()
    facts = await PackCompiler().check(text, {}, Cards(risk_3=CARD))
    monkeypatch.setattr("actors.scoring.pack_compiler.CHILDREN", DEAD)
    store: Any = _Published(
        StoredPack(number=7, version=1, text=text, files={}, facts=facts, made_by=None, made_at=datetime.now(UTC))
    )
    assert (await load_pack(store, 7)).pack.reasons == ("BIG", "HIGH")


async def test_where_a_process_may_not_look_for_machine_code_packs_are_compiled_by_whoever_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / ("x" * 300)  # a name that is refused, as names in another user's home are
    with pytest.raises(OSError):
        (closed / "marker").exists()
    monkeypatch.setattr("actors.scoring.pack_compiler.CACHE_FOLDER", closed)
    text = unseen()
    facts = await PackCompiler().check(text, {}, Cards(risk_3=CARD))
    store: Any = _Published(
        StoredPack(number=7, version=1, text=text, files={}, facts=facts, made_by=None, made_at=datetime.now(UTC))
    )
    assert (await load_pack(store, 7)).pack.reasons == ("BIG", "HIGH")


async def test_what_was_checked_for_less_as_published_is_checked_again_when_it_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, cards = unseen(), Cards(risk_3=CARD)
    facts = await PackCompiler().check(text, {}, cards, stored=True)
    with monkeypatch.context() as patch:
        patch.setattr("actors.scoring.pack_compiler.CHILDREN", DEAD)
        assert await PackCompiler().check(text, {}, cards, stored=True) == facts
        with pytest.raises(PackRefused, match="ended without an answer"):
            await PackCompiler().check(text, {}, cards)
    assert await PackCompiler().check(text, {}, cards) == facts


async def test_a_card_that_is_not_there_is_a_problem_at_its_place() -> None:
    (problem,) = await problems(PACK, Cards())
    assert (problem.line, problem.column) == (3, 7)


@pytest.mark.parametrize("text", ["", "[", "name: p", "x" * 100_000, "name: p\nfallback: approve\nrules:\n- {id: a}\n"])
async def test_what_is_wrong_comes_back_with_its_place(text: str) -> None:
    cards = Cards()
    assert all(each.line >= 1 and each.column >= 1 for each in await problems(text, cards))
    assert cards.asked == []


async def test_a_child_that_takes_too_long_is_ended() -> None:
    (problem,) = await problems(unseen(), Cards(risk_3=CARD), timeout_s=0.01)
    assert "does not compile within" in problem.message


async def test_a_child_that_dies_is_a_problem_and_the_next_pack_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.scoring.pack_compiler.CHILDREN", DEAD)
    (problem,) = await problems(PACK, Cards())
    assert "ended without an answer" in problem.message
    monkeypatch.undo()
    text = unseen()
    both = await asyncio.gather(*(PackCompiler().check(text, {}, Cards(risk_3=CARD)) for _ in range(2)))
    assert both[0] == both[1]
