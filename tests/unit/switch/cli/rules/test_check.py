"""`shardpay rules check`: what it prints, and its exit codes."""

import json
from pathlib import Path

import pytest

from rules.scenarios.catalogue import texts
from tests.unit.switch.cli.rules.risky import PACK, run, write_pack


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path)


def test_a_bad_pack_is_shown_with_line_column_text_caret_and_hint(pack: Path) -> None:
    pack.write_text(PACK.replace("when: country", "when: contry"))
    result = run("check", pack)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{pack}:5:19: no field is named contry",
        "      - {id: a, when: contry in lists.risky, action: review, reason: R}",
        "                      ^^^^^^",
        "    hint: did you mean country?",
    ]
    report = json.loads(run("check", pack, "--json").output)
    assert not report["ok"]
    assert (report["problems"][0]["line"], report["problems"][0]["column"]) == (5, 19)
    assert run("test", pack).exit_code == 1


def test_a_file_that_is_not_there_is_bad_usage(tmp_path: Path) -> None:
    assert run("check", tmp_path / "nothing.yaml").exit_code == 2


def test_a_pack_and_a_scenario_that_are_fine_are_summed_up(pack: Path, tmp_path: Path) -> None:
    assert run("check", pack).stdout == f"{pack}: p with 1 rule and 1 test is fine\n"
    scenario = tmp_path / "hotel.yaml"
    scenario.write_text(texts()["hotel"])
    done = run("check", scenario)
    assert done.exit_code == 0 and f"{scenario}: hotel with a condition of " in done.stdout
    scenario.write_text(texts()["hotel"] + "fee: 1\n")
    assert run("check", scenario).exit_code == 1


def test_as_json_what_is_fine_is_counted(pack: Path) -> None:
    found = json.loads(run("check", pack, "--json").stdout)
    assert (found["ok"], found["rules"], found["tests"], found["problems"]) == (True, 1, 1, [])
