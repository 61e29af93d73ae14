"""Packs on disk: read with the lists beside them, with their cards, and made a body only when they check."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rules.language.problems import PackError
from rules.scenarios.catalogue import texts
from switch.cli.rules.files import pack_body, read, scenario_in
from switch.cli.rules.group import rules_group

PACK = """\
name: own
fallback: review
lists: {risky: {file: risky.txt}}
rules:
  - {id: a, when: country in lists.risky, action: review, reason: R}
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "pack.yaml"
    path.write_text(PACK)
    (tmp_path / "risky.txt").write_text("MM\nKH\n")
    return path


def write_card(folder: Path, **more: object) -> Path:
    item = {"feature": "hour", "reason": "H", "edges": [6], "points": [0, 5], "missing": 0}
    path = folder / "card.json"
    path.write_text(json.dumps({"name": "c", "version": 1, "characteristics": [item], **more}))
    return path


def test_a_body_holds_the_text_and_the_lists_that_it_names(pack: Path) -> None:
    name, body = pack_body(pack, False)
    assert (name, body["text"], body["files"]) == ("own", PACK, {"risky.txt": "MM\nKH\n"})
    pack.write_text(PACK.replace("lists: {risky: {file: risky.txt}}\n", "").replace(" in lists.risky", " == 'MM'"))
    assert "files" not in pack_body(pack, False)[1]


def test_a_pack_that_does_not_check_ends_before_it_is_sent(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack.write_text(PACK.replace("country in", "contry in"))
    for as_json in (False, True):
        with pytest.raises(SystemExit) as ended:
            pack_body(pack, as_json)
        assert ended.value.code == 1
    shown = capsys.readouterr()
    assert f"{pack}:5:19: no field is named contry" in shown.err
    assert json.loads(shown.out)["errors"][0]["line"] == 5


def test_a_scenario_is_not_published_as_a_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario = tmp_path / "hotel.yaml"
    scenario.write_text(texts()["hotel"])
    with pytest.raises(SystemExit):
        pack_body(scenario, False)
    shown = capsys.readouterr().err
    assert "this is a credit scenario, not a rule pack" in shown and "needs the field" not in shown
    assert "shardpay scenarios publish" in shown


def test_a_list_outside_the_packs_folder_is_refused(pack: Path) -> None:
    (pack.parent.parent / "risky.txt").write_text("MM\n")
    for name in ("../risky.txt", "/etc/hostname", "nothing.txt"):
        pack.write_text(PACK.replace("risky.txt", name))
        with pytest.raises(PackError):
            read(pack, (), need_card=False)


def test_a_scenario_is_told_from_a_pack(pack: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "hotel.yaml"
    scenario.write_text(texts()["hotel"])
    assert scenario_in(scenario).name == "hotel" and scenario_in(pack) is None


def test_a_card_that_is_named_is_needed_only_to_decide(pack: Path, tmp_path: Path) -> None:
    pack.write_text(PACK.replace("lists:", "card: c@1\nlists:"))
    assert read(pack, (), need_card=False)[1] is None
    with pytest.raises(PackError, match="no such card"):
        read(pack, (), need_card=True)
    _, compiled = read(pack, (write_card(tmp_path),), need_card=True)
    assert compiled is not None


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_card_that_does_not_check_is_named_by_its_file(command: str, pack: Path, tmp_path: Path) -> None:
    card = write_card(tmp_path, version=0)
    done = CliRunner().invoke(rules_group, [command, str(pack), "--card", str(card)])
    assert (done.exit_code, done.stdout) == (1, "") and done.stderr.startswith(f"Error: {card}: version")
