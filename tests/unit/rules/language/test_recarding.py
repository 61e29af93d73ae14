"""A pack's text with another card: what is replaced or added, and that nothing else changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.builtin import DOCUMENT
from rules.language.document import read_pack
from rules.language.problems import PackError
from rules.language.recarding import recarded
from rules.language.yaml_nodes import TEXT_MAX, Document

NEW = "risk@2"
INLINE = '{"name": "c", "version": 1, "characteristics": []}'
BLOCK = "\n  name: c  # inner\n  version: 1\n  characteristics:\n  - feature: hour\n    points: [1]\n    missing:"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: p\ncard: risk@1\nrules: []\n", "name: p\ncard: risk@2\nrules: []\n"),
        ("card: risk@1\nname: p\n", "card: risk@2\nname: p\n"),
        ("name: p\ncard: risk@1", "name: p\ncard: risk@2"),
        ("name: p\r\ncard: risk@1\r\nrules: []\r\n", "name: p\r\ncard: risk@2\r\nrules: []\r\n"),
        ("name: p\ncard:   risk@1   # mine\n# more\n", "name: p\ncard:   risk@2   # mine\n# more\n"),
        ("name: p\ncard: 'risk@1'\n", "name: p\ncard: risk@2\n"),
        ('name: p\n"card": "risk@1"# mine\n', 'name: p\n"card": risk@2 # mine\n'),
        ("name: p\ncard: >-\n  risk@1\n\n# more\nrules: []\n", "name: p\ncard: risk@2\n\n# more\nrules: []\n"),
        (f"name: p\ncard: {INLINE} # mine\nrules: []\n", "name: p\ncard: risk@2 # mine\nrules: []\n"),
        (f"name: p\ncard: {INLINE}", "name: p\ncard: risk@2"),
        ("name: p\ncard:\n  {name: c,\n   version: 1}\nrules: []\n", "name: p\ncard:\n  risk@2\nrules: []\n"),
        (
            f"name: p\ncard:  # mine{BLOCK}  # none\n  # more\nrules: []\n",
            "name: p\ncard:  # mine\n  risk@2  # none\n  # more\nrules: []\n",
        ),
        (f"name: p\ncard:{BLOCK}", "name: p\ncard:\n  risk@2"),
        (f"name: p\ncard:{BLOCK}\n# }}", "name: p\ncard:\n  risk@2\n# }"),
        ('{"name":"p","card":"risk@1","rules":[]}', '{"name":"p","card":"risk@2","rules":[]}'),
        (f'{{"name":"p","card":{INLINE}}}', '{"name":"p","card":"risk@2"}'),
        ("{name: p, card: risk@1}", '{name: p, card: "risk@2"}'),
        ("\ufeffname: p\ncard: risk@1\n", "\ufeffname: p\ncard: risk@2\n"),
        ("name: p\u2028card: risk@1\u2028rules: []", "name: p\u2028card: risk@2\u2028rules: []"),
    ],
)
def test_the_card_is_replaced_and_nothing_else(before: str, after: str) -> None:
    assert recarded(before, NEW) == after
    assert recarded(after, NEW) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# why\nname: p\nrules: []\n", "# why\nname: p\ncard: risk@2\nrules: []\n"),
        ("name: p  # mine\nrules: []\n", "name: p  # mine\ncard: risk@2\nrules: []\n"),
        ("rules: []\r\nname: p", "rules: []\r\nname: p\r\ncard: risk@2"),
        ("name: p", "name: p\ncard: risk@2"),
        ("---\n  fallback: approve\n  name: >-\n    p\n...\n", None),
        ("? name\n: p\n? rules\n: []\n", "? name\n: p\ncard: risk@2\n? rules\n: []\n"),
        ('{"name":"p","rules":[]}', '{"name":"p", "card": "risk@2","rules":[]}'),
        ("{fallback: approve,\n name: p  # mine\n}\n", '{fallback: approve,\n name: p, "card": "risk@2"  # mine\n}\n'),
        ("\ufeffname: p\n", "\ufeffname: p\ncard: risk@2\n"),
    ],
)
def test_a_pack_without_a_card_gets_a_line(before: str, after: str | None) -> None:
    expected = "---\n  fallback: approve\n  name: >-\n    p\n  card: risk@2\n...\n" if after is None else after
    assert recarded(before, NEW) == expected


def test_the_default_pack_keeps_all_but_its_card() -> None:
    new = recarded(DOCUMENT.text, NEW)
    before, after = DOCUMENT.text.splitlines(), new.splitlines()
    first = next(at for at, line in enumerate(before) if line.startswith("card:"))
    end = next(at for at, line in enumerate(before) if line.startswith("rules:"))
    assert after == [*before[:first], "card:", "  risk@2", *before[end:]]
    assert read_pack(new).rules[-1].id == DOCUMENT.rules[-1].id


def test_what_gets_too_long_is_refused() -> None:
    text = "name: p\n"
    with pytest.raises(PackError, match="longer than"):
        recarded(text + "#" * (TEXT_MAX - len(text)), NEW)


ENTRIES = (
    "fallback: approve",
    "description: 'a # b'",
    "thresholds: {review_below: 5}",
    "rules:\n- id: a\n  when: hold",
)
CARDS = ("card: a@1", 'card: "a@1"', f"card: {INLINE}", f"card:{BLOCK}", "card:\n  ? name\n  : c")


@given(
    st.sampled_from((*CARDS, "")),
    st.permutations(["name: p", *ENTRIES]),
    st.integers(0, 5),
    st.lists(st.sampled_from(("", "  # c", "\n", "\n# c", "\n   # c")), min_size=6, max_size=6),
    st.sampled_from(("\n", "\r\n", "\r")),
    st.booleans(),
)
def test_the_new_text_reads_to_the_same_pack_but_for_the_card(
    card: str, entries: list[str], at: int, ends: list[str], line_break: str, last_break: bool
) -> None:
    parts = [*entries[:at], card, *entries[at:]] if card else entries
    block = "\n".join(map("".join, zip(parts, ends, strict=False)))
    text = (block + "\n" * last_break).replace("\n", line_break)
    new = recarded(text, NEW)
    assert Document(new).root.plain == {**Document(text).root.plain, "card": NEW}
    for comment in ("# c", "# b"):
        assert new.count(comment) == text.count(comment)
    assert recarded(new, NEW) == new
