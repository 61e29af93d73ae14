"""`shardpay events follow`: events as they happen, a line each, and where to go on."""

from typing import TYPE_CHECKING, Any, Final

import click

from switch.cli.client import in_words, switch_options
from switch.cli.options import COUNT_MAX, json_option

if TYPE_CHECKING:
    from switch.client.schema import Event

START: Final = "start"
PATIENCE_S: Final = 60.0
"""Nobody waits for an answer here: front doors that died are there again by then, also on a machine with much else to do."""
TYPE_WIDTH: Final = 26
PARTIES: Final = ("payer", "payee")
SHOWN: Final = ("id", "holder", "merchant", "kind", "scenario", "result", "score", "of", "reference", "code")
"""Fields of an event that its line names, where it has them."""


@click.command("follow", epilog="Example: shardpay events follow --after start --count 3")
@click.option(
    "--after",
    default="now",
    show_default=True,
    metavar="CURSOR",
    help="Go on behind a cursor, as this command names it when it ends; `start`: from the first event on, `now`: only later ones.",
)
@click.option("--type", "types", multiple=True, help="Only events of this type; may be repeated [default: all].")
@click.option("--count", type=click.IntRange(1, COUNT_MAX), help="End after so many events [default: Ctrl-C ends it].")
@click.option(
    "--patience",
    type=click.FloatRange(0),
    default=PATIENCE_S,
    show_default=True,
    metavar="SECONDS",
    help="A switch that is away for longer ends the command.",
)
@switch_options
@json_option
def events_follow(
    after: str, types: tuple[str, ...], count: int | None, patience: float, url: str, key: str | None, as_json: bool
) -> None:
    """Follow events as they happen, over lost connections too.

    Each event is a line, with --json a line of JSON. At the end it says the cursor with which another call goes on: what happens meanwhile
    is not lost. An event that was being printed when it ended comes again.
    """
    import msgspec

    from switch.client import Client, ShardpayError

    encode = msgspec.json.Encoder().encode
    with Client(url, key, retry_s=patience) as client:
        stream = client.stream_events(None if after == START else after, ",".join(types) or None)
        try:
            for number, event in enumerate(stream, 1):
                click.echo(encode(event).decode() if as_json else line_of(event))
                stream.advance()
                if number == count:
                    break
        except KeyboardInterrupt:
            pass
        except ShardpayError as error:
            raise click.ClickException(in_words(error)) from None
        finally:
            _say_where(stream.cursor, types)
            stream.close()


def _say_where(cursor: str | None, types: tuple[str, ...]) -> None:
    """On stderr, so that what is printed is events alone."""
    if cursor is not None and cursor != "now":
        only = "".join(f" --type {name}" for name in types)
        click.echo(f"go on with: shardpay events follow --after {cursor}{only}", err=True)


def line_of(event: "Event") -> str:
    """An event for people: when, what, its id, how much, about whom."""
    data: dict[str, Any] = event.data
    words = [event.created_at, event.type.ljust(TYPE_WIDTH), event.id]
    if "amount" in data and "currency" in data:
        words.append(f"{data['amount']} {data['currency']}")
    if all(data.get(side) for side in PARTIES):
        words.append(f"{data['payer']} -> {data['payee']}")
    named = [f"{name}={data[name]}" for name in SHOWN if data.get(name) is not None]
    return "  ".join([*words, *named])
