"""`shardpay serve`: run a switch."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from switch.cli.options import storage_options

RESULTS: Final = "bench-results"
"""The folder that `shardpay bench` writes to, where it is typed; beside a sample the console shows it."""


@click.command("serve", epilog="Example: shardpay serve --sample --port 8080")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; ::1 and other IPv6 too.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8080, show_default=True, help="Port to listen on.")
@click.option(
    "--shards", type=click.IntRange(1, 1024), help="Shards of a new database [default: one for two cores, at most 8]."
)
@click.option(
    "--scorers", type=click.IntRange(0, 64), default=1, show_default=True, help="Scoring actors; 0: unscored."
)
@click.option(
    "--front-doors", type=click.IntRange(1, 64), help="HTTP processes [default: 1, on a Ray cluster one a node]."
)
@partial(storage_options, both=True)
@click.option("--ray", metavar="ADDRESS", help="Join this Ray cluster instead of starting one; needs --database.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True),
    help="TOML file: capacity, daily_limits, review_expires_in, requests, credit, webhooks, controls, tracing, checkpoints, bench_reports, "
    "test_currencies, allow_unsafe_database; docs/reference/configuration.md says what they mean.",
)
@click.option(
    "--drain-grace",
    "drain_grace_s",
    type=click.FloatRange(0, 3600),
    default=3.0,
    show_default=True,
    help="Seconds after SIGTERM in which /readyz already fails and connections are still taken, so that load balancers can turn away.",
)
@click.option(
    "--tls-certificate",
    type=click.Path(dir_okay=False, exists=True),
    help="PEM file: HTTPS with this certificate and its chain; a newer one is taken over within seconds.",
)
@click.option("--tls-key", type=click.Path(dir_okay=False, exists=True), help="PEM file: its key.")
@click.option(
    "--sample",
    is_flag=True,
    help="Make sample wallets and people with known credit, and print a first payment and a question.",
)
def serve_command(**options: Any) -> None:
    """Run a switch: PostgreSQL, Ray, shards, scorers and front doors. Ctrl-C drains at once, SIGTERM after a grace."""
    from switch.node.listening import bare_host, is_loopback
    from switch.node.settings import Settings, read_config
    from switch.node.supervisor import serve
    from switch.webhooks.addresses import SANDBOX, WebhookKeys

    if options["ray"] and not options["database"]:
        raise click.UsageError("--ray needs --database: other machines cannot reach the embedded one")
    options["tls"] = _tls(options.pop("tls_certificate"), options.pop("tls_key"))
    sample = options.pop("sample")
    config = options.pop("config")
    if config is not None:
        file = read_config(config)
        options.update(review_expires_in_s=file.review_expires_in)
        options.update(capacity=file.capacity, keys_configured=file.keys_configured)
        options.update(daily_limits=file.daily_limits, checkpoints=file.checkpoints)
        options.update(
            allow_unsafe=file.allow_unsafe_database, test_currencies=file.test_currencies, requests=file.requests
        )
        options.update(credit=file.credit, webhooks=file.webhooks, controls=file.controls, tracing=file.tracing)
        options.update(bench_reports=file.bench_reports)
    options["data"] = options["data"].resolve()
    options["host"] = bare_host(options["host"])
    if sample:
        if "controls" in options and options["controls"].four_eyes:
            raise click.UsageError(
                "--sample publishes a scorecard by itself, which `controls.four_eyes` does not allow: leave one of them out"
            )
        if is_loopback(options["host"]) and options.get("webhooks", WebhookKeys()) == WebhookKeys():
            options["webhooks"] = SANDBOX
        options["bench_reports"] = options.get("bench_reports") or str(Path(RESULTS).resolve())
    # Nobody can send a key with space around it: a mounted secret often ends with a line.
    settings = Settings(bootstrap_key=os.environ.get("SHARDPAY_API_KEY", "").strip() or None, **options)
    serve(settings, _say, _welcome(settings, sample))


def _tls(certificate: str | None, key: str | None) -> Any:
    """Absolute, as actors have another working directory, but with its links: a renewal lets them point to other files."""
    from switch.http.tls import TlsFiles

    if (certificate is None) != (key is None):
        raise click.UsageError("--tls-certificate and --tls-key go together")
    if certificate is None or key is None:
        return None
    return TlsFiles(certificate=os.path.abspath(certificate), key=os.path.abspath(key))


def _say(text: str) -> None:
    click.secho(f"· {text}", dim=True, err=True)


def _welcome(settings: Any, sample: bool) -> Callable[[str, str], Any]:
    async def welcome(base_url: str, database: str) -> None:
        click.secho(f"Shardpay is ready on {base_url}", bold=True)
        if sample:
            from switch.cli.sample import first_payment, key_path, make_sample, sample_key

            key = await sample_key(database, settings.data)
            ids = await make_sample(base_url, key)
            click.echo(
                f"The console is {base_url}/console: sign in with the key of the payment below, "
                f"which {key_path(settings.data)} keeps."
            )
            click.echo("\nA first payment, to paste into another terminal:\n")
            click.echo(first_payment(base_url, key, ids))
            await _welcome_people(base_url, database, settings, key)
        click.echo("\nCtrl-C drains and stops.")

    return welcome


async def _welcome_people(base_url: str, database: str, settings: Any, key: str) -> None:
    """After readiness was printed: scores load kernels, and nobody waits for that."""
    from switch.cli.sample_people import make_people, merchant_key, question

    asking = await merchant_key(database, settings.data)
    people = await make_people(base_url, key, settings.credit.terms.relations)
    click.echo(
        "\nA hotel's question whether a guest needs no deposit; wallets by the answer for which they were made:\n"
    )
    click.echo(question(base_url, asking, people))
