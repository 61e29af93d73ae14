"""Presets of clocks and retention: each key by itself, told in the configuration file."""

from pathlib import Path

import msgspec
import pytest

from models.credit.feature import NEGATIVE_DAYS
from rules.scenarios.law import PRESETS, CreditKeys, CreditLaw, Preset
from switch.node.settings import read_config

DIFFERENT = {
    "dispute_days": 7,
    "forward_hours": 3,
    "review_days": 4,
    "human_review": False,
    "negative_days": 365,
    "relations": False,
}


def test_presets_are_what_the_design_says() -> None:
    stated = {
        name: (law.dispute_days, law.forward_hours <= 5 * 24, law.negative_days // 365, law.relations)
        for name, law in PRESETS.items()
    }
    assert stated == {"cn": (20, True, 5, True), "eu": (30, True, 3, False), "us": (30, True, 7, True)}
    assert PRESETS["cn"].forward_hours == PRESETS["eu"].forward_hours == 0, "at once"
    assert all(law.human_review for law in PRESETS.values())
    assert PRESETS["cn"].negative_days == NEGATIVE_DAYS, "what features take unless told"


@pytest.mark.parametrize("law", PRESETS)
@pytest.mark.parametrize("key", DIFFERENT)
def test_each_key_can_differ_from_its_preset(law: Preset, key: str, tmp_path: Path) -> None:
    value = DIFFERENT[key]
    (tmp_path / "config.toml").write_text(f'[credit]\nlaw = "{law}"\n{key} = {str(value).lower()}\n')
    terms = read_config(tmp_path / "config.toml").credit.terms
    assert terms == msgspec.structs.replace(PRESETS[law], **{key: value})


@pytest.mark.parametrize(
    "text", ['law = "uk"', "dispute_days = 0", "forward_hours = -1", "negative_days = 9999", "x = 1"]
)
def test_what_is_no_clock_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f"[credit]\n{text}\n")
    with pytest.raises(ValueError, match="credit"):
        read_config(tmp_path / "config.toml")


def test_every_figure_of_a_law_is_a_key() -> None:
    assert set(CreditLaw.__struct_fields__) == set(DIFFERENT) == set(CreditKeys.__struct_fields__) - {"law"}
