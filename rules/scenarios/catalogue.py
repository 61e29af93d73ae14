"""The scenarios that a new switch starts with: the YAML files beside this module."""

from importlib.resources import files
from typing import Final

NAMES: Final = (
    "credit-card",
    "consumer-finance",
    "financial-leasing",
    "hotel",
    "house-rental",
    "travel",
    "dating",
    "online-shopping",
    "transfers",
    "wealth-management",
    "classifieds",
    "student-services",
    "public-utilities",
)


def texts() -> dict[str, str]:
    """Documents by name."""
    folder = files("rules") / "scenarios"
    return {name: (folder / f"{name}.yaml").read_text(encoding="utf-8") for name in NAMES}
