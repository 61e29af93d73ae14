"""Check and compile packs in a process of their own.

Neither a long compilation nor a hostile pack holds up or harms a switch.

The child leaves the kernels in the cache on disk and says what the pack is; whoever decides with it only loads them. It asks its parent
for the scorecard that the pack names: one line of JSON each way.
"""

import asyncio
import contextlib
import hashlib
import os
import resource
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from actors.database.connection import connect
from actors.process.forked import Child, Forks
from actors.process.tuning import NICENESS
from actors.stores.rule_packs import PackFacts, PackStore, StoredPack, ensure_default
from models.jit import CACHE_FOLDER
from models.jit import compiled as compile_function
from models.scorecard import Scorecard
from rules.builtin import DOCUMENT, PACK
from rules.compile.compiler import compile_pack
from rules.decisions.counting import warm
from rules.decisions.pack import Decider, Pack
from rules.language.document import PackDocument, read_pack
from rules.language.problems import PackError, Problem
from rules.vocabulary.zones import VERSION

TIMEOUT_S: Final = 60.0
"""The largest pack that is taken compiles in a fraction of this."""
MEMORY_BYTES_MAX: Final = 8 << 30
"""Address space; compilers reserve far more than they use."""
LINE_BYTES_MAX: Final = 64 << 20
"""Of a pack with its files, or of a scorecard, as JSON."""


FindCard = Callable[[str, int], Awaitable[bytes | None]]
"""Gives a version of a scorecard as JSON, None when there is none."""


class PackRefused(Exception):
    """The pack does not check, or cannot be compiled. `problems` is never empty."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{each.line}:{each.column}: {each.message}" for each in problems))
        self.problems = problems


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is given first. `stored`: a published pack, which was checked when it was published, perhaps for less."""

    text: str
    files: dict[str, str]
    stored: bool


class _Response(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the child: which card it needs, or how it ended."""

    card: tuple[str, int] | None = None
    facts: PackFacts | None = None
    problems: tuple[Problem, ...] = ()


class _Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the marker of a pack: its facts, and whether it was checked as a published one, perhaps for less."""

    facts: PackFacts
    stored: bool


_DECODER: Final = msgspec.json.Decoder(_Response)
CHILDREN: Final = Forks(__name__)
"""Of this process."""


# The parent.


class PackCompiler:
    """Checks packs, one at a time."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._one = asyncio.Lock()

    async def check(
        self, text: str, files: Mapping[str, str], find_card: FindCard, *, stored: bool = False
    ) -> PackFacts:
        """What a pack says of itself, its kernels left on disk. `stored`: as in `read_pack`. Raises PackRefused."""
        async with self._one:
            found = await _found_before(text, files, find_card, stored)
            if found is not None:
                return found
            child = None
            try:
                async with asyncio.timeout(self._timeout_s):
                    child = await CHILDREN.start(LINE_BYTES_MAX)
                    asked = _Request(text=text, files=dict(files), stored=stored)
                    response = None if child is None else await _talk(child, asked, find_card)
            except TimeoutError:
                raise _failed(f"the pack does not compile within {self._timeout_s:.0f} s") from None
            finally:
                if child is not None:
                    child.end()
        if response is None:
            raise _failed("the pack cannot be compiled: the compiler ended without an answer")
        if response.facts is None:
            raise PackRefused(response.problems)
        return response.facts

    async def prepare(self, store: PackStore, stored: StoredPack) -> bytes | None:
        """See to it that a published pack's kernels are on this disk; gives the scorecard that it names, as JSON. Raises PackRefused or
        StoreUnavailable."""
        card = None
        if stored.facts.card is not None:
            found = await store.card(*stored.facts.card)
            card = None if found is None else found.document.encode()

        async def find_card(name: str, version: int) -> bytes | None:
            return card

        if not _is_marked(stored.text, stored.files, card):
            await self.check(stored.text, stored.files, find_card, stored=True)
        return card


async def _found_before(text: str, files: Mapping[str, str], find_card: FindCard, stored: bool) -> PackFacts | None:
    """What a check on this machine found of the same pack with the same scorecard, whose kernels are there; None: nobody asked. A child
    needs 2 s only to load what it compiles with."""
    try:
        named = msgspec.json.decode(_card_of(text, files).read_bytes(), type=tuple[str, int] | None)
        card = None if named is None else await find_card(*named)
        checked = msgspec.json.decode(_marker(text, files, card).read_bytes(), type=_Checked)
    except (OSError, msgspec.DecodeError):
        return None
    return checked.facts if stored or not checked.stored else None


async def _talk(child: Child, asked: _Request, find_card: FindCard) -> _Response | None:
    """The child's last words; None when it ended without."""
    with contextlib.suppress(ConnectionError):
        await _send(child, msgspec.json.encode(asked))
        while line := await child.reader.readline():
            response = _DECODER.decode(line)
            if response.card is None:
                return response
            await _send(child, await find_card(*response.card) or b"null")
    return None


async def _send(child: Child, line: bytes) -> None:
    child.writer.write(line + b"\n")
    await child.writer.drain()


def _failed(message: str) -> PackRefused:
    return PackRefused((Problem(line=1, column=1, message=message, hint="a smaller pack, or several"),))


# Those who decide with a pack.


async def publish_default(url: str) -> None:
    """See to it that a database has packs, at first the one that a new switch starts with."""
    connection = await connect(url, name="shardpay-packs")
    try:
        await ensure_default(connection, DOCUMENT.text, facts_of(DOCUMENT, PACK))
    finally:
        await connection.close()


async def load_pack(store: PackStore, number: int) -> Decider:
    """A published pack, ready to decide. Compiles in another process what is not yet on this machine. Raises LookupError or
    StoreUnavailable, or PackRefused."""
    stored = (await store.packs([number])).get(number)
    if stored is None:
        raise LookupError(f"there is no pack {number}")
    card = await PackCompiler().prepare(store, stored)
    return await asyncio.to_thread(_decider, stored, card)


def _decider(stored: StoredPack, card: bytes | None) -> Decider:
    document = read_pack(stored.text, stored.files.__getitem__, stored=True)
    return _ready(compiled(document, card, stored.number, stored.version))


def _ready(pack: Pack) -> Decider:
    """With all kernels that a scorer runs."""
    decider = Decider(pack)
    warm(decider)
    return decider


def compiled(document: PackDocument, card: bytes | None, number: int, version: int) -> Pack:
    """A pack with the scorecard that it names, as JSON; its machine code is kept on disk. Raises PackError."""
    cards = {}
    if card is not None and document.card is not None:
        cards[document.card.reference] = msgspec.json.decode(card, type=Scorecard)
    return compile_pack(document, cards, number, version, keep=True)


def _marker(text: str, files: Mapping[str, str], card: bytes | None) -> Path:
    """A file that says that all kernels of a pack are on this disk, and what the pack is, in the fields of this version. What they are
    depends on the tables of time zones, too."""
    form = (*_Checked.__struct_fields__, *PackFacts.__struct_fields__, *Pack.__struct_fields__)
    whole = msgspec.json.encode((text, sorted(files.items()), (card or b"").decode(), VERSION, form))
    return CACHE_FOLDER / f"pack-{hashlib.sha256(whole).hexdigest()[:32]}"


def _is_marked(text: str, files: Mapping[str, str], card: bytes | None) -> bool:
    """Whether there is a marker. There is none where this user may not look."""
    return os.path.exists(_marker(text, files, card))


def _card_of(text: str, files: Mapping[str, str]) -> Path:
    """A file that says which scorecard a pack names, beside the marker: it has to be there before that can be looked up."""
    whole = msgspec.json.encode((text, sorted(files.items())))
    return CACHE_FOLDER / f"card-of-{hashlib.sha256(whole).hexdigest()[:32]}"


# The child.


def facts_of(document: PackDocument, pack: Pack) -> PackFacts:
    """What a pack says of itself."""
    named = document.card
    card = None
    if named is not None and named.card is None:
        name, _, version = named.reference.rpartition("@")
        card = (name, int(version))
    return PackFacts(
        name=document.name,
        hash=hashlib.sha256(msgspec.json.encode((document.text, sorted(document.files.items())))).hexdigest(),
        rules=tuple(rule.id for rule in pack.rules),
        live=tuple(rule.live for rule in pack.rules),
        reasons=pack.reasons,
        fallback=pack.fallback,
        card=card,
        kept=tuple(sorted({(column.list, type_) for column, type_ in document.kept})),
        notes=document.notes,
    )


def _compile(asked: _Request) -> _Response:
    try:
        document = read_pack(asked.text, asked.files.__getitem__, stored=asked.stored)
        card = None
        if document.card is not None and document.card.card is None:
            card = _ask_card(document.card.reference)
        pack = compiled(document, card, 0, 0)
    except PackError as error:
        return _Response(problems=error.problems)
    _ready(pack)
    facts = facts_of(document, pack)
    with contextlib.suppress(OSError):  # a place that cannot be written to: each process compiles, and nobody finds it
        _write(_card_of(asked.text, asked.files), facts.card)
        _write(_marker(asked.text, asked.files, card), _Checked(facts=facts, stored=asked.stored))
    return _Response(facts=facts)


def _write(path: Path, value: object) -> None:
    """Whole or not at all, since others look for it meanwhile."""
    part = path.with_suffix(f".{os.getpid()}")
    part.write_bytes(msgspec.json.encode(value))
    part.replace(path)


def _ask_card(reference: str) -> bytes | None:
    name, _, version = reference.rpartition("@")
    if not (version.isascii() and version.isdecimal() and len(version) <= 9):
        return None
    _reply(_Response(card=(name, int(version))))
    line = sys.stdin.buffer.readline().removesuffix(b"\n")
    return None if line == b"null" else line


def _reply(response: _Response) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(response) + b"\n")
    sys.stdout.buffer.flush()


def prepare() -> None:
    """What takes longest after the imports is done before there is a pack: have the compiler get ready to compile."""
    compile_function("def fires(row):\n    return row\n", {}, "int64(int64)")


def main() -> None:
    """Entry point of the child."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    os.nice(NICENESS)
    if asked := sys.stdin.buffer.readline():  # else nobody waits any longer
        _reply(_compile(msgspec.json.decode(asked, type=_Request)))
