"""The configuration file: what it may say, and what is refused."""

from pathlib import Path

import pytest

from actors.ledger.ledger import REVIEW_SECONDS
from switch.settings import read_config


@pytest.mark.parametrize(("text", "seconds"), [("", REVIEW_SECONDS), ("review_expires_in = 60\n", 60)])
def test_reviews_expire_when_the_file_says(tmp_path: Path, text: str, seconds: int) -> None:
    (tmp_path / "config.toml").write_text(text)
    assert read_config(tmp_path / "config.toml").review_expires_in == seconds


@pytest.mark.parametrize("value", ["0", "-1", "1.5", '"a day"', str(366 * 86_400)])
def test_a_review_time_that_cannot_be_is_refused(tmp_path: Path, value: str) -> None:
    (tmp_path / "config.toml").write_text(f"review_expires_in = {value}\n")
    with pytest.raises(ValueError, match="review_expires_in"):
        read_config(tmp_path / "config.toml")
