"""Names are those that a JSON decoder would meet, however the text is written; long texts are looked at in small steps."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.http import names as names_module
from switch.http.names import NAMES_MAX, few_names, names_of
from tests.steps import to_end

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('":[]{},\\é\n', max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('":[]\\a', max_size=6), inner, max_size=4),
    max_leaves=20,
)


def names(value: Any, *, lists_too: bool = True) -> int:
    if isinstance(value, dict):
        return len(value) + sum(names(each, lists_too=lists_too) for each in value.values())
    return sum(map(names, value)) if isinstance(value, list) and lists_too else 0


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_names_are_those_of_the_objects(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert to_end(names_of(text)) == names(value)
    assert to_end(names_of(text, lists_too=False)) == names(value, lists_too=False)


def test_a_string_that_is_longer_than_a_step_hides_what_is_in_it() -> None:
    text = json.dumps({"a": ':"[' * 200_000, "b": {"c": 1}}).encode()
    assert to_end(names_of(text)) == 3 and few_names(text)
    assert to_end(names_of(b'{"a": "' + b":" * 1_000_000)) == 1, "no JSON: it has an end all the same"


@pytest.mark.parametrize("part", [b"0001b000-5b72-8d46", b"\\n", b"\\\\", b'\\"', b":", b'","', b"[", b" "])
@pytest.mark.parametrize("before", range(3))
def test_no_step_looks_at_more_than_a_stretch(part: bytes, before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a stretch cuts a long text, between a backslash and its character too."""
    monkeypatch.setattr(names_module, "_STRETCH_BYTES", 1_000)
    looked: list[int] = []

    class Watched:
        def __init__(self, pattern: Any) -> None:
            self.pattern = pattern

        def match(self, text: bytes, at: int, until: int) -> Any:
            looked.append(until - at)
            return self.pattern.match(text, at, until)

    for name in ("_TO_MARK", "_IN_STRING"):
        monkeypatch.setattr(names_module, name, Watched(getattr(names_module, name)))
    value = json.loads(b'["' + b"x" * before + part * 5_000 + b'"]')
    text = json.dumps({"a": value, "b": {"c": 1}}).encode()
    assert to_end(names_of(text)) == 3
    assert max(looked) <= 1_000 and sum(looked) < 2_000 * len(text)


def test_too_many_are_not_counted_to_the_end() -> None:
    text = b"{" + b'"a":"",' * 2_000_000 + b'"a":""}'
    steps = 0
    counting = names_of(text)
    with pytest.raises(StopIteration) as end:
        while True:
            next(counting)
            steps += 1
    assert end.value.value == NAMES_MAX + 1 and steps == NAMES_MAX // 512
    assert not few_names(text[: 1 << 20])
    assert to_end(names_of(b"[" * 1_000, marks_max=900)) > NAMES_MAX
