"""A command's own client: what a switch refuses is shown at its place in the file, and one that is away ends the command in a line."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from switch.cli import client as module
from switch.cli.client import show_refusal, switch_client, switch_options

PLACED = {"field": "text", "line": 3, "column": 7, "message": "no field is named x", "text": "when: x > 1", "width": 1}


@click.command()
@switch_options
@click.option("--json", "as_json", is_flag=True)
@click.option("--problem")
def command(url: str, key: str | None, as_json: bool, problem: str | None) -> None:
    if problem is not None:
        show_refusal("pack.yaml", json.loads(problem), as_json, "invalid_rule_pack: it does not check")
    with switch_client("pack.yaml", url, key, 1.0, as_json) as client:
        client.wallets.get("w")
    click.echo("done")


def run(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(command, words, env=environment)


def refused(as_json: bool, *errors: dict[str, Any]) -> Result:
    problem = {"code": "invalid_rule_pack", "detail": "it does not check", "errors": [*errors]}
    return run("--problem", json.dumps(problem), *(["--json"] if as_json else []))


def test_an_error_with_a_place_is_shown_there_and_the_detail_only_without_one() -> None:
    done = refused(False, PLACED, {"field": "name", "message": "is another"})
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("pack.yaml:3:7: no field is named x\n") and "when: x > 1" in done.stderr
    assert "it does not check" not in done.stderr
    assert refused(False, {"field": "name", "message": "is another"}).stderr == (
        "pack.yaml: invalid_rule_pack: it does not check\n"
    )


def test_as_json_a_refusal_is_the_whole_problem_on_the_output() -> None:
    done = refused(True, PLACED)
    found = json.loads(done.stdout)
    assert (done.exit_code, done.stderr, found["ok"], found["errors"]) == (1, "", False, [PLACED])


def test_a_switch_that_is_away_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    done = run("--url", "http://127.0.0.1:9")
    assert done.exit_code == 1 and done.stderr.startswith("Error: the switch cannot be reached: ")
    assert "no connection to http://127.0.0.1:9: Connection refused. Is a switch running there? --url or" in done.stderr
    assert "done" not in done.stdout and done.stderr.count("\n") == 1


def test_url_and_key_come_from_the_environment_when_they_are_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    class Away(Exception):
        pass

    def opened(url: str, key: str | None, **options: Any) -> Any:
        seen.append((url, key))
        raise Away

    monkeypatch.setattr("switch.client.Client", opened)
    run(SHARDPAY_URL="http://there", SHARDPAY_API_KEY="k")
    run("--url", "http://here", SHARDPAY_URL="http://there", SHARDPAY_API_KEY="k")
    assert seen == [("http://there", "k"), ("http://here", "k")]


def test_a_file_is_named_by_its_path() -> None:
    with pytest.raises(SystemExit) as ended:
        show_refusal(Path("folder/card.json"), {"detail": "no"}, False, "forbidden: no")
    assert ended.value.code == 1
