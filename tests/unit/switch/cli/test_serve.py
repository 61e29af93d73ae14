"""What `shardpay serve` makes of its options, without starting anything."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from switch.cli.serve import serve_command
from switch.node.settings import Settings
from switch.webhooks.addresses import SANDBOX, WebhookKeys


def settings_of(monkeypatch: pytest.MonkeyPatch, *options: str) -> Settings:
    """The settings that a switch would be started with."""
    given: list[Settings] = []
    monkeypatch.setattr("switch.node.supervisor.serve", lambda settings, *rest: given.append(settings))
    outcome = CliRunner().invoke(serve_command, options, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return given[0]


def test_webhooks_go_to_the_same_machine_in_a_sandbox_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ("--data", str(tmp_path))
    assert settings_of(monkeypatch, *data, "--sample").webhooks == SANDBOX
    assert settings_of(monkeypatch, *data).webhooks == WebhookKeys()
    assert settings_of(monkeypatch, *data, "--sample", "--host", "0.0.0.0").webhooks == WebhookKeys()
    config = tmp_path / "config.toml"
    config.write_text('[webhooks]\nallow_networks = ["10.0.0.0/8"]\n')
    found: Any = settings_of(monkeypatch, *data, "--sample", "--config", str(config)).webhooks
    assert found == WebhookKeys(allow_networks=("10.0.0.0/8",)), "a file says it all"


def test_a_certificate_goes_with_its_key(tmp_path: Path) -> None:
    certificate = tmp_path / "a.pem"
    certificate.write_text("")
    outcome = CliRunner().invoke(serve_command, ["--data", str(tmp_path), "--tls-certificate", str(certificate)])
    assert outcome.exit_code == 2 and "go together" in outcome.output
