"""The page of the configuration names every key with what is so without it, and each preset's values."""

import tomllib

import msgspec
import pytest

from actors.ledger.bounds import Capacity
from rules.scenarios.law import PRESETS, CreditKeys, CreditLaw
from switch.fairness.rates import RequestLimits
from switch.node.settings import ConfigFile
from switch.reference import configuration
from switch.reference.configuration import CAPACITY, CREDIT, KEYS, REQUESTS, _default, _keys, document


@pytest.mark.parametrize(
    ("struct", "texts"), [(ConfigFile, KEYS), (RequestLimits, REQUESTS), (CreditKeys, CREDIT), (Capacity, CAPACITY)]
)
def test_every_key_of_a_section_has_a_line(struct: type[msgspec.Struct], texts: dict[str, str]) -> None:
    page = document()
    for name in struct.__struct_fields__:
        assert f"| `{name}` |" in page and texts[name].endswith((".", ").", "."))


def test_a_key_without_a_text_is_a_fault() -> None:
    class More(msgspec.Struct):
        reads_per_s: int = 1
        forgotten: int = 2

    with pytest.raises(AssertionError, match="every key has its text"):
        _keys(More, {"reads_per_s": "Known."})


def test_defaults_are_as_they_are_written_in_the_file() -> None:
    values: tuple[object, ...] = (True, False, 0, 5, None, {}, "x")
    assert [_default(each) for each in values] == [
        "`true`",
        "`false`",
        "`0`",
        "`5`",
        "",
        "",
        "`x`",
    ]


def test_the_preset_that_holds_without_a_word_is_named() -> None:
    assert f"| `law` | `{CreditKeys().law}` |" in document()


def test_presets_stand_beside_each_other() -> None:
    page = document()
    for name in CreditLaw.__struct_fields__:
        cells = " | ".join(_default(getattr(law, name)) for law in PRESETS.values())
        assert f"| `{name}` | {cells} |" in page


def test_the_example_is_a_file_that_is_read() -> None:
    text = configuration._EXAMPLE.removeprefix("```toml\n").removesuffix("```")
    read = msgspec.convert(tomllib.loads(text), ConfigFile, strict=False)
    assert read.review_expires_in == 3_600 and read.capacity is not None and read.capacity.keys == 100_000_000
