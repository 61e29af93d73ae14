"""`shardpay rules test`: what passes, what fails with its line, and exit codes."""

import json
from pathlib import Path

import pytest

from rules.scenarios.catalogue import texts
from tests.unit.switch.cli.rules.risky import PACK, run, write_pack


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path)


def test_a_good_pack_checks_and_its_tests_pass(pack: Path) -> None:
    checked, tested = run("check", pack), run("test", pack)
    assert (checked.exit_code, tested.exit_code) == (0, 0), checked.output + tested.output
    assert "1 rule and 1 test" in checked.output
    assert "1 of 1 test passed" in tested.output


def test_a_failing_test_is_named_with_its_line(pack: Path) -> None:
    pack.write_text(PACK.replace("expect: {action: review}", "expect: {action: decline}"))
    result = run("test", pack)
    assert result.exit_code == 1
    assert f"{pack}:7: risky\n    action: decline was expected, it is review\n" in result.output
    assert json.loads(run("test", pack, "--json").output)["tests"][0]["differences"]


def test_a_card_may_be_given_or_is_not_looked_at(pack: Path, tmp_path: Path) -> None:
    pack.write_text(PACK.replace("lists:", "card: c@1\nlists:"))
    card = tmp_path / "card.json"
    item = {"feature": "hour", "reason": "H", "edges": [6], "points": [0, 5], "missing": 0}
    card.write_text(json.dumps({"name": "c", "version": 1, "characteristics": [item]}))
    assert run("check", pack).exit_code == 0
    assert "there is no such card" in run("test", pack).output
    assert run("test", pack, "--card", card).exit_code == 0


def test_tests_of_a_scenario_run_like_those_of_a_pack(tmp_path: Path) -> None:
    scenario = tmp_path / "hotel.yaml"
    scenario.write_text(texts()["hotel"])
    done = run("test", scenario)
    assert done.exit_code == 0 and done.stdout.endswith("tests passed\n")
    scenario.write_text(texts()["hotel"].replace("score >= 600", "score >= 900"))
    failed = run("test", scenario, "--json")
    assert failed.exit_code == 1 and any(each["differences"] for each in json.loads(failed.stdout)["tests"])
