"""A small pack of two rules and a card, packs/small.yaml, which `oracle_score` decides once more: tests of everything else rely on it, so
that the pack a new switch starts with may change."""

from pathlib import Path

from rules.compile.compiler import compile_pack
from rules.language.document import read_pack

PACK = compile_pack(
    read_pack((Path(__file__).parent / "packs" / "small.yaml").read_text(encoding="utf-8")), {}, 1, 1, keep=True
)
