"""`shardpay serve`: options and the file become one set of settings; what does not go together is bad usage, and nothing starts."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from actors.ledger.bounds import Capacity
from switch.cli.main import cli
from switch.http.tls import TlsFiles
from switch.node.settings import ConfigFile
from switch.webhooks.addresses import SANDBOX, WebhookKeys


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Settings with which a switch would have run."""
    found: list[Any] = []
    monkeypatch.setattr("switch.node.supervisor.serve", lambda settings, say, ready: found.append(settings))
    return found


def serve(*words: object, **environment: str) -> Result:
    return CliRunner().invoke(cli, ["serve", *(str(word) for word in words)], env=environment)


def test_without_options_it_listens_on_loopback_with_one_scorer(started: list[Any]) -> None:
    assert serve(SHARDPAY_API_KEY="").exit_code == 0
    (settings,) = started
    assert (settings.host, settings.port, settings.shards, settings.scorers) == ("127.0.0.1", 8080, None, 1)
    assert settings.data.is_absolute() and settings.database is settings.tls is None
    assert settings.drain_grace_s == 3.0 and settings.capacity == Capacity()


def test_options_and_environment_are_taken(started: list[Any], tmp_path: Path) -> None:
    words = ("--host", "[::1]", "--port", 1, "--shards", 3, "--scorers", 0, "--front-doors", 2, "--drain-grace", 0)
    done = serve(
        *words, "--ray", "auto", SHARDPAY_DATABASE="postgres://x", SHARDPAY_DATA=str(tmp_path), SHARDPAY_API_KEY="sp_k"
    )
    assert done.exit_code == 0, done.output
    (settings,) = started
    assert (settings.host, settings.port, settings.shards, settings.scorers, settings.front_doors) == (
        "::1",
        1,
        3,
        0,
        2,
    )
    assert (settings.database, settings.ray, settings.bootstrap_key) == ("postgres://x", "auto", "sp_k")
    assert (settings.data, settings.drain_grace_s) == (tmp_path, 0.0)


def test_every_key_of_the_file_is_a_setting(started: list[Any], tmp_path: Path) -> None:
    config = tmp_path / "switch.toml"
    config.write_text(
        "review_expires_in = 60\nallow_unsafe_database = true\ntest_currencies = true\ncheckpoints = 'file:///x'\n"
        "[daily_limits]\n1 = 5\n[capacity]\nkeys = 9\n[requests]\nreads_per_s = 4\n[credit]\nlaw = 'eu'\n"
    )
    assert serve("--config", config).exit_code == 0
    (settings,) = started
    assert (settings.review_expires_in_s, settings.allow_unsafe, settings.test_currencies) == (60, True, True)
    assert (settings.checkpoints, settings.daily_limits, settings.capacity.keys) == ("file:///x", {1: 5}, 9)
    assert (settings.requests.reads_per_s, settings.credit.law) == (4, "eu")


@pytest.mark.parametrize(("given", "key"), [("sp_k\n", "sp_k"), (" sp_k ", "sp_k"), ("", None), (" \n", None)])
def test_the_key_of_the_environment_is_what_a_caller_can_send(started: list[Any], given: str, key: str | None) -> None:
    assert serve(SHARDPAY_API_KEY=given).exit_code == 0
    assert started[0].bootstrap_key == key


@pytest.mark.parametrize(
    ("text", "configured"), [("", False), ("[capacity]\nholds = 9\n", False), ("[capacity]\nkeys = 50_000_000\n", True)]
)
def test_keys_that_the_file_says_are_not_sized_by_memory(
    started: list[Any], tmp_path: Path, text: str, configured: bool
) -> None:
    config = tmp_path / "switch.toml"
    config.write_text(text)
    assert serve("--config", config).exit_code == 0
    (settings,) = started
    assert (settings.keys_configured, settings.capacity.keys) == (configured, 50_000_000)


def test_a_certificate_goes_with_its_key(started: list[Any], tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.touch()
    key.touch()
    assert serve("--tls-certificate", certificate, "--tls-key", key).exit_code == 0
    assert started[0].tls == TlsFiles(certificate=str(certificate), key=str(key))
    for words in (("--tls-certificate", certificate), ("--tls-key", key)):
        done = serve(*words)
        assert done.exit_code == 2 and "go together" in done.stderr
    assert len(started) == 1


def test_a_certificate_behind_a_link_is_named_by_the_link(
    started: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("cert.pem", "key.pem"):
        (tmp_path / f"1-{name}").touch()
        (tmp_path / name).symlink_to(f"1-{name}")
    assert serve("--tls-certificate", "cert.pem", "--tls-key", "key.pem").exit_code == 0
    assert started[0].tls == TlsFiles(certificate=str(tmp_path / "cert.pem"), key=str(tmp_path / "key.pem"))


@pytest.mark.parametrize(
    ("words", "code", "printed"),
    [
        (("--ray", "auto"), 2, "--ray needs --database"),
        (("--port", 0), 2, "--port"),
        (("--port", 65_536), 2, "--port"),
        (("--shards", 0), 2, "--shards"),
        (("--shards", 1_025), 2, "--shards"),
        (("--scorers", 65), 2, "--scorers"),
        (("--drain-grace", -1), 2, "--drain-grace"),
        (("--config", "/nowhere.toml"), 2, "--config"),
    ],
)
def test_what_cannot_be_starts_nothing(started: list[Any], words: tuple[object, ...], code: int, printed: str) -> None:
    done = serve(*words)
    assert (done.exit_code, started) == (code, []) and printed in done.stderr


def test_a_wrong_key_of_the_file_is_named(started: list[Any], tmp_path: Path) -> None:
    config = tmp_path / "switch.toml"
    config.write_text("[capacity]\nkees = 9\n")
    done = serve("--config", config)
    assert (done.exit_code, started) == (1, []) and "kees" in done.stderr and str(config) in done.stderr


def test_a_sample_keeps_its_sandbox_beside_a_file_and_shows_what_was_measured_here(
    started: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config, elsewhere = tmp_path / "config.toml", tmp_path / "elsewhere.toml"
    config.write_text("test_currencies = true\n")
    elsewhere.write_text('bench_reports = "/measured"\n')
    for words in (("--sample", "--config", config), ("--sample", "--config", elsewhere), ("--config", config)):
        assert serve("--data", tmp_path, *words).exit_code == 0
    assert [settings.webhooks for settings in started] == [SANDBOX, SANDBOX, WebhookKeys()]
    assert [settings.bench_reports for settings in started] == [str(tmp_path / "bench-results"), "/measured", None]


def test_webhooks_go_to_the_same_machine_in_a_sandbox_alone(started: list[Any], tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[webhooks]\nallow_networks = ["10.0.0.0/8"]\n')
    for words in (("--sample",), (), ("--sample", "--host", "0.0.0.0"), ("--sample", "--config", config)):
        assert serve("--data", tmp_path, *words).exit_code == 0
    assert [settings.webhooks for settings in started] == [
        SANDBOX,
        WebhookKeys(),
        WebhookKeys(),
        WebhookKeys(allow_networks=("10.0.0.0/8",)),
    ], "a file says it all"


def test_the_help_of_config_names_every_key_of_the_file() -> None:
    text = serve("--help").stdout.replace("\n", " ")
    assert not [field for field in ConfigFile.__struct_fields__ if field not in text]


def test_a_sample_and_four_eyes_do_not_go_together(started: list[Any], tmp_path: Path) -> None:
    """It started, and its card was refused."""
    config = tmp_path / "config.toml"
    config.write_text("[controls]\nfour_eyes = true\n")
    refused = serve("--data", tmp_path, "--sample", "--config", config)
    assert refused.exit_code == 2 and "`controls.four_eyes` does not allow" in refused.stderr and not started
