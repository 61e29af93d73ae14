"""Publish rule packs: check and compile first, then deploy.

Whoever deploys a pack hears which scorers have it.

The order is: compile, commit, activate. A scorer that could not be reached finds the deployment by itself within a second or so.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec

from actors.rpc.interface import NotReady
from actors.rpc.transport import CallLost
from actors.scoring.pack_compiler import FindCard, PackRefused
from actors.scoring.scorer import Activated, ScorerClient
from actors.stores.deployment import Deployment, DeploymentRefused, Mode, changed
from actors.stores.rule_packs import PackFacts, PackStore, StoredPack, VersionConflict
from models.scorecard import Scorecard, parse
from rules.language.problems import PackError, Problem
from rules.language.recarding import recarded
from rules.language.words import check_categories
from switch.problems.table import FieldError, ProblemError, invalid_field

log = logging.getLogger(__name__)

T = TypeVar("T")

ACTIVATE_TIMEOUT_S: Final = 15.0
"""A scorer that has not changed over by then is named in the answer."""
CHECKS_MAX: Final = 8
"""Packs that are compiled, one after the other, or wait for that; beyond it: 503."""
DEPLOY_TRIES: Final = 5
"""Others may deploy meanwhile; each try begins with what then holds."""


class Compiler(Protocol):
    """`actors.scoring.pack_compiler.PackCompiler`."""

    async def check(
        self, text: str, files: Mapping[str, str], find_card: FindCard, *, stored: bool = False
    ) -> PackFacts:
        """What a pack says of itself, its kernels left on disk. `stored`: as in `read_pack`. Raises PackRefused."""

    async def prepare(self, store: PackStore, stored: StoredPack) -> bytes | None:
        """See to it that a published pack's kernels are on this disk. Raises PackRefused."""


class ScorerState(msgspec.Struct, frozen=True, kw_only=True):
    """What one scorer answered: `revision` 0 when nothing."""

    scorer: int
    revision: int
    error: str | None = None


class RolloutStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Who has a deployment: how many scorers of how many, and those that have not."""

    revision: int
    scorers: int
    active: int
    waiting: list[ScorerState]


class ListTypes(Protocol):
    """Lists that the switch keeps."""

    async def list_types(self) -> dict[str, str]:
        """What each list holds."""


class Published(NamedTuple):
    """The version of a pack that has the text, whether it is new, the text of the newest again makes none, and then what may be meant
    otherwise in it."""

    version: int
    new: bool
    notes: tuple[Problem, ...]


class CheckedPack(NamedTuple):
    """The scorecard that a pack names, as JSON, and what may be meant otherwise in the pack."""

    card: bytes | None
    notes: tuple[Problem, ...]


class PackWarning(msgspec.Struct, frozen=True, kw_only=True):
    """What may be meant otherwise in a pack that is taken all the same: at which line and column, counted from 1, the line's text, and
    what to do."""

    line: int
    column: int
    message: str
    text: str
    hint: str


def warnings_of(notes: Sequence[Problem]) -> list[PackWarning]:
    """Notes on a pack for its author, in the order of the text."""
    ordered = sorted(notes, key=lambda each: (each.line, each.column))
    return [
        PackWarning(line=each.line, column=each.column, message=each.message, text=each.text, hint=each.hint)
        for each in ordered
    ]


class Publisher:
    """Publishes packs and deploys them."""

    def __init__(self, store: PackStore, scorers: Sequence[ScorerClient], compiler: Compiler, lists: ListTypes) -> None:
        self._store = store
        self._lists = lists
        self._scorers = scorers
        self._compiler = compiler
        self._checking = 0

    async def publish(
        self,
        name: str,
        text: str,
        files: Mapping[str, str],
        account: int,
        newest: int | None,
        *,
        stored: bool = False,
    ) -> Published:
        """Store a version of a pack. `stored`: another version was published that differs in its card only. Raises ProblemError."""
        there = await self._store.pack(name)
        last = 0 if there is None else there.version
        if newest is not None and newest != last:
            raise version_conflict(last)
        if there is not None and (there.text, there.files) == (text, files):
            return Published(version=last, new=False, notes=())
        facts = await self._compiled(self._compiler.check(text, files, self._card, stored=stored))
        if facts.name != name:
            raise invalid_field("name", f"the pack calls itself {facts.name}")
        await self._check_lists(facts)
        try:
            version = await self._store.add_pack(text, files, facts, account, newest)
        except VersionConflict as error:
            raise version_conflict(error.newest) from None
        return Published(version=version, new=True, notes=facts.notes)

    async def publish_with_card(self, pack: StoredPack, card: str, account: int) -> StoredPack:
        """The version of a pack that has this pack's text but for its card, name@version; published when there is none. Raises
        ProblemError."""
        name, text = pack.facts.name, await text_with_card(pack, card)
        newest = await self._store.pack(name)
        found = await self._store.pack_of_text(name, text, pack.files)
        if found is None:
            assert newest is not None, "published packs never go"
            named, _, version = card.rpartition("@")
            if (document := await self._card(named, int(version))) is not None:
                await self.check_new_card(await asyncio.to_thread(parse, document))
            await self.publish(name, text, pack.files, account, newest.version, stored=True)
            found = await self._store.pack_of_text(name, text, pack.files)
        assert found is not None, "it is published"
        return found

    async def check_new_card(self, card: Scorecard) -> None:
        """Look at what a pack that was published asks of its card no more: that each category stands for something. Raises ProblemError."""
        try:
            await asyncio.to_thread(_check_categories, card)
        except ValueError as error:
            raise ProblemError("invalid_scorecard", str(error)[:500]) from None

    async def checked(
        self, text: str, files: Mapping[str, str], card: bytes | None = None, *, stored: bool = False
    ) -> CheckedPack:
        """Check a pack and leave its kernels on disk. The scorecard that it names is `card` when that is given, which need not be
        published. `stored`: the pack was published, but for its card. Raises ProblemError."""

        async def given(name: str, version: int) -> bytes | None:
            return card

        find = self._card if card is None else given
        facts = await self._compiled(self._compiler.check(text, files, find, stored=stored))
        await self._check_lists(facts)
        return CheckedPack(None if facts.card is None else await find(*facts.card), facts.notes)

    async def _check_lists(self, facts: PackFacts) -> None:
        """That the lists are there which a pack leaves to the switch, with values of the type that it looks for. Raises ProblemError."""
        types = await self._lists.list_types() if facts.kept else {}
        wrong = [
            f"the switch keeps no list {name}"
            if name not in types
            else f"the list {name} holds values of the type {types[name]}, not {type_}"
            for name, type_ in facts.kept
            if types.get(name) != type_
        ]
        if wrong:
            hint = "PUT /v1/lists/NAME makes a list"
            raise _refused([Problem(line=1, column=1, message=message, hint=hint) for message in wrong])

    async def _compiled(self, work: Coroutine[Any, Any, T]) -> T:
        if self._checking >= CHECKS_MAX:
            work.close()
            raise ProblemError("overloaded", f"{CHECKS_MAX} packs wait to be compiled already.")
        self._checking += 1
        try:
            return await work
        except PackRefused as error:
            raise _refused(error.problems) from None
        finally:
            self._checking -= 1

    async def _card(self, name: str, version: int) -> bytes | None:
        card = await self._store.card(name, version)
        return None if card is None else card.document.encode()

    async def deploy(
        self, pack: StoredPack, mode: Mode, share: int, account: int, *, live: int | None = None
    ) -> RolloutStatus:
        """Give a pack a mode and activate it on all scorers. `live`: the number of the pack that was live when this one was made of it;
        nothing changes where another is by now. Raises ProblemError."""
        if mode != "off":
            await self._compiled(self._compiler.prepare(self._store, pack))
        for _ in range(DEPLOY_TRIES):
            before = await self._store.deployment()
            if live is not None and before.live != live:
                raise ProblemError(
                    "version_conflict", "Another pack became live meanwhile; look at what is live now, then try again."
                )
            try:
                after = changed(before, pack.number, mode, share)
                if after is not before:
                    await self._store.deploy(after, account)
            except DeploymentRefused as error:
                raise ProblemError("deployment_refused", str(error)) from None
            except VersionConflict:
                continue
            log.info("deployment %d: %s@%d is %s", after.revision, pack.facts.name, pack.version, mode)
            return await self.activate(after)
        raise ProblemError("version_conflict", "Others are deploying at the same time; try again.")

    async def activate(self, deployment: Deployment) -> RolloutStatus:
        """Have every scorer take a deployment; says which have not."""
        states = await asyncio.gather(*(self._activate(number) for number in range(len(self._scorers))))
        waiting = [state for state in states if state.revision < deployment.revision]
        return RolloutStatus(
            revision=deployment.revision, scorers=len(states), active=len(states) - len(waiting), waiting=waiting
        )

    async def tell(self, revision: int) -> RolloutStatus:
        """Have every scorer take a revision of lists and snoozes; says which have not."""
        states = await asyncio.gather(*(self._activated(number) for number in range(len(self._scorers))))
        known = [
            ScorerState(scorer=number, revision=0 if state is None else state.controls, error=error)
            for number, (state, error) in enumerate(states)
        ]
        waiting = [state for state in known if state.revision < revision]
        return RolloutStatus(revision=revision, scorers=len(known), active=len(known) - len(waiting), waiting=waiting)

    async def _activate(self, number: int) -> ScorerState:
        state, error = await self._activated(number)
        return ScorerState(scorer=number, revision=0 if state is None else state.revision, error=error)

    async def _activated(self, number: int) -> tuple[Activated | None, str | None]:
        """What a scorer answers, and what went wrong."""
        try:
            async with asyncio.timeout(ACTIVATE_TIMEOUT_S):
                state: Activated = await self._scorers[number].activate()
        except (CallLost, NotReady, TimeoutError) as error:
            return None, str(error) or "no answer in time"
        return state, state.error


def _check_categories(card: Scorecard) -> None:
    for item in card.characteristics:
        check_categories(item)


def version_conflict(newest: int) -> ProblemError:
    """Somebody published a version that the author does not know."""
    there = f"The newest version is {newest}." if newest else "There is no version yet."
    return ProblemError("version_conflict", there, headers={"ETag": f'"{newest}"'} if newest else None)


async def text_with_card(pack: StoredPack, card: str) -> str:
    """A pack's text that names another card, as name@version. Raises ProblemError."""
    try:
        return await asyncio.to_thread(recarded, pack.text, card)
    except PackError as error:
        raise _refused(error.problems) from None


def _refused(problems: Sequence[Problem]) -> ProblemError:
    first = problems[0]
    errors = tuple(
        FieldError("text", each.message, line=each.line, column=each.column, text=each.text, hint=each.hint)
        for each in problems
    )
    return ProblemError(
        "invalid_rule_pack", f"line {first.line}, column {first.column}: {first.message}", errors=errors
    )
