"""`shardpay cards publish`: a scorecard goes to a running switch, which checks it. Twice is harmless."""

from pathlib import Path

import click
import msgspec

from switch.cli.client import PUBLISH_TIMEOUT_S, show_refusal, switch_client, switch_options
from switch.cli.options import as_text, json_option


@click.command("publish", epilog="Example: shardpay cards publish card.json")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
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
        show_refusal(file, {"code": "invalid_scorecard", "detail": str(error), "errors": errors}, as_json, str(error))

    with switch_client(file, url, key, PUBLISH_TIMEOUT_S, as_json) as client:
        done = client.scorecards.publish(card.name, document=msgspec.json.decode(text))
    click.echo(as_text(done) if as_json else f"{done.name}@{done.version} is published, SHA-256 {done.hash}")
