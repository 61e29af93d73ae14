"""`shardpay cards check`: exit codes, one line of what is wrong, JSON for programs."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from models.scorecard import Characteristic, Scorecard, canonical, card_hash
from switch.cli.cards.group import cards_group

CARD = Scorecard(
    name="card",
    version=3,
    range=(0, 4),
    characteristics=(Characteristic(feature="b", reason="LOW_B", edges=(10,), points=(0, 4), missing=3),),
)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(cards_group, ["check", *arguments])


def test_a_good_card_is_summed_up(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_bytes(canonical(CARD))
    done = check(str(file))
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "card version 3: 1 characteristic, 0 to 4")
    found = json.loads(check(str(file), "--json").stdout)
    assert found["ok"] and found["canonical"] and found["hash"] == card_hash(CARD)


def test_a_card_written_for_people_is_good_but_not_canonical(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_text(json.dumps(json.loads(canonical(CARD)), indent=2))
    found = json.loads(check(str(file), "--json").stdout)
    assert found["ok"] and not found["canonical"] and found["hash"] == card_hash(CARD)


def test_what_is_wrong_is_one_line_with_its_path_and_exit_code_1(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_bytes(canonical(CARD).replace(b'"points":[0,4]', b'"points":[0]'))
    done = check(str(file))
    assert done.exit_code == 1
    assert f"{file}: characteristics[0].points: b: 1 edge needs 2 points, not 1" in done.stderr.splitlines()
    found = json.loads(check(str(file), "--json").stdout)
    assert found == {
        "ok": False,
        "errors": [{"field": "characteristics[0].points", "message": "b: 1 edge needs 2 points, not 1"}],
    }


def test_bad_usage_is_exit_code_2(tmp_path: Path) -> None:
    assert check(str(tmp_path / "nowhere.json")).exit_code == 2
    assert check().exit_code == 2
