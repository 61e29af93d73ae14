"""The pack a new switch starts with, packs/default.yaml.

It is compiled when a decider is made of it, and its machine code is kept.
"""

from importlib.resources import files

from rules.compile.compiler import compile_pack
from rules.language.document import read_pack

DOCUMENT = read_pack((files("rules") / "packs" / "default.yaml").read_text(encoding="utf-8"))

PACK = compile_pack(DOCUMENT, {}, 1, 1, keep=True)
