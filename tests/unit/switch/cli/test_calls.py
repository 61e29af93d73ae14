"""A call's command: what is typed is what the method is given, and what it gives is what is shown."""

import json
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from switch.cli import calls
from switch.cli.call_table import CALLS
from switch.cli.main import cli
from switch.client import Client, ProblemError, UnreachableError, schema
from switch.client.sync_resources import Transfers, Wallets, WebhookEndpoints

UNUSED = {"tier": 1, "status": "active"}


def ran(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What methods were called with."""
    seen: list[dict[str, Any]] = []

    def spied(resource: Any, name: str, answer: Any) -> None:
        def method(_: Any, *names: str, **values: Any) -> Any:
            seen.append({**dict(zip(("wallet_id",), names, strict=False)), **values})
            return answer

        monkeypatch.setattr(resource, name, method)

    commands = calls.__getattr__("transfers"), calls.__getattr__("wallets")
    monkeypatch.setattr(calls, "transfers", commands[0], raising=False)
    monkeypatch.setattr(calls, "wallets", commands[1], raising=False)
    spied(Transfers, "create", {"id": "T", "amount": 5, "metadata": {"a": "b"}, "kind": None})
    spied(Wallets, "update", {"id": "W"})
    spied(Wallets, "list", iter([{"id": "W1", "owner": "ann"}, {"id": "W2", "note": "x" * 99}, {"id": "W3"}]))
    return seen


def test_options_become_what_the_method_takes(given: list[dict[str, Any]]) -> None:
    words = "transfers create --payer P --payee Q --amount 5 --currency EUR --hold --metadata a=b --metadata c=d=e"
    done = ran(*words.split(), "--context", '{"ip": "10.0.0.1"}', "--idempotency-key", "k")
    assert done.exit_code == 0, done.output
    assert given == [
        {
            "payer": "P",
            "payee": "Q",
            "amount": 5,
            "currency": "EUR",
            "hold": True,
            "metadata": {"a": "b", "c": "d=e"},
            "context": {"ip": "10.0.0.1"},
            "idempotency_key": "k",
        }
    ]
    assert done.stdout.splitlines() == ["id        T", "amount    5", 'metadata  {"a":"b"}', "kind"]


def test_what_is_not_typed_is_not_given_but_a_key(given: list[dict[str, Any]]) -> None:
    for _ in range(2):
        assert ran(*"transfers create --payer P --payee Q --amount 5 --currency EUR --only id".split()).stdout == "T\n"
    assert set(given[0]) == {"payer", "payee", "amount", "currency", "idempotency_key"}
    assert given[0]["idempotency_key"] != given[1]["idempotency_key"]


def test_a_field_is_set_to_null_by_name(given: list[dict[str, Any]]) -> None:
    assert ran("wallets", "update", "W", "--null", "owner", "--tier", "2", "--idempotency-key", "k").exit_code == 0
    assert given == [{"wallet_id": "W", "owner": None, "tier": 2, "idempotency_key": "k"}]
    assert "'owner', 'attributes', 'metadata'" in ran("wallets", "update", "W", "--null", "tier").stderr


def test_a_null_that_would_be_lost_is_refused(given: list[dict[str, Any]]) -> None:
    """It was as if it had not been typed, and the command ended well."""
    refused = ran("wallets", "update", "W", "--attributes", "null")
    assert refused.exit_code == 2 and "null is said with --null" in refused.stderr and not given


@pytest.mark.parametrize(("words", "printed"), [((), "none\n"), (("--json",), ""), (("--only", "id"), "")])
def test_of_an_empty_list_a_script_reads_no_line(words: tuple[str, ...], printed: str, given: Any) -> None:
    assert ran("wallets", "list").exit_code == 0  # takes all there are
    assert ran("wallets", "list", *words).stdout == printed


def test_the_url_of_an_endpoint_is_not_the_url_of_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Noted(Client):
        def __init__(self, url: str | None, *given: Any, **more: Any) -> None:
            seen.append(str(url))
            super().__init__(url, *given, **more)

    def create(_: Any, *, url: str, **more: Any) -> Any:
        seen.append(url)
        return {"id": "E"}

    monkeypatch.setattr(calls, "webhook_endpoints", calls.__getattr__("webhook_endpoints"), raising=False)
    monkeypatch.setattr(WebhookEndpoints, "create", create)
    monkeypatch.setattr(calls, "Client", Noted)
    words = "webhook-endpoints create --endpoint-url https://shop.example/hooks --url http://127.0.0.1:8099 --only id"
    assert ran(*words.split()).stdout == "E\n"
    assert seen == ["http://127.0.0.1:8099", "https://shop.example/hooks"]


@pytest.mark.parametrize("resource", CALLS)
def test_no_two_options_of_a_call_are_one_to_the_program(resource: str) -> None:
    for name, command in calls.__getattr__(resource.replace("-", "_")).commands.items():
        names = [parameter.name for parameter in command.params]
        assert len(names) == len(set(names)), name


def test_a_list_is_a_table_or_lines_of_json_and_says_that_there_is_more(given: list[dict[str, Any]]) -> None:
    done = ran("wallets", "list", "--owner", "ann", "--rows", "2")
    assert done.stdout.splitlines() == ["id  owner  note", "W1  ann", f"W2         {'x' * 57}..."]
    assert "--rows 4" in done.stderr and given == [{"owner": "ann"}]


def test_all_of_a_list_as_json(given: list[dict[str, Any]]) -> None:
    done = ran("wallets", "list", "--owner", "ann", "--rows", "0", "--json")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["W1", "W2", "W3"] and not done.stderr


def test_an_empty_list_says_so(given: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wallets, "list", lambda _, **values: iter(()))
    assert ran("wallets", "list").stdout == "none\n"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("transfers create --payer P --payee Q --amount x --currency EUR", "'x' is not a valid integer"),
        ("transfers create --payer P --payee Q --currency EUR", "Missing option '--amount'"),
        ("transfers create --payer P --payee Q --amount 1 --currency EUR --metadata a", "'a' is not NAME=TEXT"),
        ("transfers create --payer P --payee Q --amount 1 --currency EUR --context {", "JSON, or @FILE"),
        ("transfers create --payer P --payee Q --amount 1 --currency EUR --context @no", "no: No such file"),
        ("wallets update", "Missing argument 'WALLET_ID'"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_option(given: list[dict[str, Any]], words: str, error: str) -> None:
    done = ran(*words.split())
    assert done.exit_code == 2 and error in done.stderr and not given


def refusing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def method(_: Any, **values: Any) -> Any:
        raise error

    group = calls.__getattr__("transfers")
    monkeypatch.setattr(calls, "transfers", group, raising=False)
    monkeypatch.setattr(Transfers, "create", method)


PAY = "transfers create --payer P --payee Q --amount 5 --currency EUR --idempotency-key k".split()


def test_a_refusal_is_told_in_words_or_as_its_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = {"code": "invalid_field", "detail": "no", "errors": [{"field": "payer", "message": "a wallet id"}]}
    refusing(monkeypatch, ProblemError(422, problem, money_moved="no", idempotency_key="k"))
    done = ran(*PAY)
    assert (done.exit_code, done.stderr) == (1, "Error: invalid_field: no; payer: a wallet id\n")
    done = ran(*PAY, "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (1, problem)


def test_where_the_answer_is_lost_the_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, UnreachableError("no answer", money_moved="unknown", idempotency_key="k"))
    done = ran(*PAY)
    assert done.exit_code == 1 and "with --idempotency-key k tells" in done.stderr


def test_a_field_that_is_not_there_names_those_that_are(given: list[dict[str, Any]]) -> None:
    done = ran(*PAY, "--only", "nothing")
    assert done.exit_code == 1 and "it has: id, amount, metadata, kind" in done.stderr


def test_every_type_of_the_client_has_an_option() -> None:
    def method(
        self: Any,
        name: str,
        *,
        number: int,
        sure: bool,
        share: int | float | None = None,
        many: list[str] | None = None,
        line: schema.Context | None = None,
    ) -> Iterator[int]:
        """Do it.

        `number`: how many. `share`: of 1; see `number`. Raises ShardpayError.
        """
        raise NotImplementedError

    summary, meanings = calls._documented(method)
    assert (summary, meanings) == ("Do it.", {"number": "how many.", "share": "of 1; see `number`."})
    command = calls._command("wallets", "do_it", method)
    kinds = {each.name: each.type.name for each in command.params}
    assert (
        kinds["number"] == "integer"
        and kinds["share"] == "float"
        and kinds["line"] == "json"
        and kinds["sure"] == "boolean"
    )
    assert command.epilog == "Example: shardpay wallets do-it NAME --number 100 --sure true" and "rows" in kinds


def _options() -> Iterator[tuple[str, click.Option]]:
    for name in CALLS:
        group = calls.__getattr__(name.replace("-", "_"))
        for word, command in group.commands.items():
            for option in command.params:
                if isinstance(option, click.Option) and not option.hidden:
                    yield f"{name} {word} {option.opts[0]}", option


def test_the_help_of_every_option_says_what_it_means() -> None:
    found = dict(_options())
    assert len(found) > 400
    for name, option in found.items():
        text = option.help or ""
        assert text[:1] in "`(" or text[:1].isupper(), name
        assert text.endswith(".") and ". as " not in text and not text.startswith("The field"), f"{name}: {text}"
        assert not (option.required and "by default" in text and "`, the default" not in text), f"{name}: {text}"


def test_a_change_that_is_a_call_of_its_own_says_what_it_does() -> None:
    wallets, orders = calls.__getattr__("wallets").commands, calls.__getattr__("credit_orders").commands
    assert (wallets["freeze"].help or "").startswith("Freeze a wallet") and "Freeze" not in (
        wallets["close"].help or ""
    )
    assert len({orders[name].help for name in ("cancel", "confirm", "paid-elsewhere", "pay")}) == 4


def test_examples_are_words_that_can_be_typed() -> None:
    for name in CALLS:
        for command in calls.__getattr__(name.replace("-", "_")).commands.values():
            assert not any(word.endswith("_") for word in (command.epilog or "").split()), command.epilog
