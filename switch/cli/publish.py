"""`shardpay rules publish` and `cards publish`: a document goes to a running switch, which checks it. Twice is harmless."""

import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click
import msgspec

from switch.cli.client import run_or_show, send, show_refusal, switch_options, switch_session
from switch.cli.options import as_text, json_option

TIMEOUT_S: Final = 120.0
"""A large pack is compiled before the switch answers."""


_FILE = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))


@click.command("publish", epilog="Example: shardpay rules publish pack.yaml --mode shadow")
@_FILE
@click.option(
    "--mode",
    type=click.Choice(["live", "shadow", "challenger", "off"]),
    required=True,
    help="off: publish only; challenger: decides for a share of the wallets.",
)
@click.option("--share", type=click.IntRange(1, 1000), help="Of the wallets, in per mille; with --mode challenger.")
@switch_options
@json_option
def rules_publish(file: Path, mode: str, share: int | None, url: str, key: str | None, as_json: bool) -> None:
    """Publish a pack, with the lists beside it, as the next version of its name, and say what it does from now on.

    The key in SHARDPAY_API_KEY needs the scope analyst or admin. Exit code 1 when the pack does not check, or when a scorer has not
    changed over.
    """
    if (mode == "challenger") != (share is not None):
        raise click.UsageError("--share goes with --mode challenger")
    name, body = pack_body(file, as_json)
    path = f"/v1/rule-packs/{quote(name, safe='')}"

    async def run() -> Any:
        async with switch_session(url, key, TIMEOUT_S) as session:
            made = await send(session, "PUT", path, body)
            wanted = {"mode": mode, "version": made["version"], **({} if share is None else {"share": share})}
            if mode == "off" and made["mode"] == "off":
                return {"name": name, "version": made["version"], "mode": mode, "scorers": None}
            return await send(session, "POST", f"{path}/mode", wanted)

    done = run_or_show(run, file, as_json)
    scorers = done["scorers"]
    if as_json:
        click.echo(as_text(done))
    elif scorers is None:
        click.echo(f"{name}@{done['version']} is published and off")
    else:
        click.echo(f"{name}@{done['version']} is {mode} on {scorers['active']} of {scorers['scorers']} scorers")
        for each in scorers["waiting"]:
            click.echo(f"scorer {each['scorer']} has not changed over: {each['error'] or 'no answer'}", err=True)
    if scorers is not None and scorers["waiting"]:
        sys.exit(1)


def pack_body(file: Path, as_json: bool) -> tuple[str, dict[str, Any]]:
    """Name and JSON body of a pack; what is wrong with it is seen before it is sent."""
    from rules.language.document import read_pack
    from rules.language.files import pack_text, reader_beside
    from rules.language.problems import PackError

    try:
        document = read_pack(pack_text(file), reader_beside(file))
    except PackError as error:
        errors = [{"field": "text", **msgspec.to_builtins(problem)} for problem in error.problems]
        show_refusal(file, {"code": "invalid_rule_pack", "detail": str(error), "errors": errors}, as_json)
    return document.name, {"text": document.text, **({"files": document.files} if document.files else {})}


@click.command("publish", epilog="Example: shardpay cards publish card.json")
@_FILE
@switch_options
@json_option
def cards_publish(file: Path, url: str, key: str | None, as_json: bool) -> None:
    """Publish a scorecard under its own name and version, which is the next one. Packs name it as name@version.

    The key in SHARDPAY_API_KEY needs the scope analyst or admin. Exit code 1 when the card does not check.
    """
    from models.scorecard import CardError, parse

    text = file.read_bytes()
    try:
        card = parse(text)
    except CardError as error:
        errors = [{"field": error.field, "message": error.message}]
        show_refusal(file, {"code": "invalid_scorecard", "detail": str(error), "errors": errors}, as_json)

    async def run() -> Any:
        async with switch_session(url, key, TIMEOUT_S) as session:
            return await send(session, "PUT", f"/v1/scorecards/{quote(card.name, safe='')}", msgspec.Raw(text))

    done = run_or_show(run, file, as_json)
    click.echo(as_text(done) if as_json else f"{done['name']}@{done['version']} is published, SHA-256 {done['hash']}")
