"""A pack with one decision table of three columns, whose rows a test gives."""

from collections.abc import Sequence

from rules.language.document import PackDocument, read_pack

HEAD = """
name: tables
fallback: review
lists: {risky: [KH, LA]}
tables:
  - id: t
    hit: HIT
    inputs: [country, amount, 'count("1h")']
    rows:
"""


def document(rows: Sequence[str], hit: str = "first", tests: str = "") -> PackDocument:
    lines = "".join(f"      - {{when: [{cells}], action: review, reason: R}}\n" for cells in rows)
    return read_pack(HEAD.replace("HIT", hit) + lines + tests)
