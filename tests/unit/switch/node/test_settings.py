"""The configuration file: what it may say, and what is refused."""

from pathlib import Path

import pytest

from actors.ledger.bounds import REVIEW_SECONDS, Capacity
from switch.api.wallet_opening import wanted_wallet
from switch.http.schema import NewWallet
from switch.node.settings import read_config
from switch.problems.table import ProblemError


@pytest.mark.parametrize(("text", "seconds"), [("", REVIEW_SECONDS), ("review_expires_in = 60\n", 60)])
def test_reviews_expire_when_the_file_says(tmp_path: Path, text: str, seconds: int) -> None:
    (tmp_path / "config.toml").write_text(text)
    assert read_config(tmp_path / "config.toml").review_expires_in == seconds


@pytest.mark.parametrize("value", ["0", "-1", "1.5", '"a day"', str(366 * 86_400)])
def test_a_review_time_that_cannot_be_is_refused(tmp_path: Path, value: str) -> None:
    (tmp_path / "config.toml").write_text(f"review_expires_in = {value}\n")
    with pytest.raises(ValueError, match="review_expires_in"):
        read_config(tmp_path / "config.toml")


@pytest.mark.parametrize("uri", ["", "file:///tmp/x", "/tmp/x", "s3://bucket/path", "s3://bucket?region=eu-central-1"])
def test_checkpoints_go_where_the_file_says(tmp_path: Path, uri: str) -> None:
    (tmp_path / "config.toml").write_text(f"checkpoints = {uri!r}\n")
    assert read_config(tmp_path / "config.toml").checkpoints == uri


@pytest.mark.parametrize("uri", ["ckpt", "file:ckpt", "file://ckpt/x", "s3:/bucket", "gs3://bucket"])
def test_what_is_no_place_for_checkpoints_is_refused(tmp_path: Path, uri: str) -> None:
    (tmp_path / "config.toml").write_text(f"checkpoints = {uri!r}\n")
    with pytest.raises(ValueError, match=r"config.toml: checkpoints: .* is not a URI such as file:///path"):
        read_config(tmp_path / "config.toml")


@pytest.mark.parametrize(("text", "taken"), [("", False), ("test_currencies = true\n", True)])
def test_wallets_are_in_test_currencies_where_the_file_says(tmp_path: Path, text: str, taken: bool) -> None:
    (tmp_path / "config.toml").write_text(text)
    assert read_config(tmp_path / "config.toml").test_currencies is taken


@pytest.mark.parametrize("currency", ["XTS", "XXX"])
def test_a_wallet_whose_currency_is_no_money_is_refused_unless_for_tests(currency: str) -> None:
    body = NewWallet(currency=currency, kind="user")
    with pytest.raises(ProblemError, match=f"wallets.3..currency: {currency} is no money.*`test_currencies = true`"):
        wanted_wallet(body, bytes(16), True, 1, "wallets[3].")
    assert wanted_wallet(body, bytes(16), True, 1, test_currencies=True).body is body


def test_daily_limits_go_by_tier(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[daily_limits]\n0 = 0\n255 = 5_000\n")
    assert read_config(tmp_path / "config.toml").daily_limits == {0: 0, 255: 5_000}


@pytest.mark.parametrize(
    "line", ["256 = 5", "-1 = 5", "x = 5", '"01" = 5', "1 = -5", "1 = 1.5", "1 = 9223372036854775808"]
)
def test_a_daily_limit_that_no_wallet_could_have_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "config.toml").write_text(f"[daily_limits]\n{line}\n")
    with pytest.raises(ValueError, match="daily_limits"):
        read_config(tmp_path / "config.toml")


@pytest.mark.parametrize("name", Capacity.__struct_fields__)
def test_room_for_less_than_nothing_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.toml").write_text(f"[capacity]\n{name} = -1\n")
    with pytest.raises(ValueError, match=rf"capacity\.{name}"):
        read_config(tmp_path / "config.toml")


@pytest.mark.parametrize("name", ["segments", "segment_map"])
def test_no_room_for_the_operators_own_segment_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.toml").write_text(f"[capacity]\n{name} = 0\n")
    with pytest.raises(ValueError, match=rf"capacity\.{name}"):
        read_config(tmp_path / "config.toml")


@pytest.mark.parametrize("section", ["", "[capacity]", "[requests]", "[credit]"])
def test_a_key_that_there_is_not_is_refused_by_its_name(tmp_path: Path, section: str) -> None:
    (tmp_path / "config.toml").write_text(f"{section}\nkees = 1\n")
    with pytest.raises(ValueError, match=r"config\.toml: .*kees"):
        read_config(tmp_path / "config.toml")


def test_tracing_without_its_packages_is_refused_and_says_how_to_install_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text('[tracing]\nenabled = true\nendpoint = "http://127.0.0.1:4318"\n')
    monkeypatch.setattr("switch.tracing.settings.PACKAGES", ("no_such_package.at_all",))
    with pytest.raises(ValueError, match=r"config\.toml: tracing\.enabled needs the extra otel"):
        read_config(tmp_path / "config.toml")
    (tmp_path / "config.toml").write_text('[tracing]\nendpoint = "http://127.0.0.1:4318"\nsample_ratio = 0.01\n')
    assert read_config(tmp_path / "config.toml").tracing.sample_ratio == 0.01


def test_webhooks_go_to_networks_that_the_file_names(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[webhooks]\nallow_networks = ["10.1.0.0/16"]\nallow_http = true\n')
    keys = read_config(tmp_path / "config.toml").webhooks
    assert keys.allow_networks == ("10.1.0.0/16",) and keys.allow_http
    (tmp_path / "config.toml").write_text('[webhooks]\nallow_networks = ["10.1.0.0/99"]\n')
    with pytest.raises(ValueError, match=r"10\.1\.0\.0/99"):
        read_config(tmp_path / "config.toml")
