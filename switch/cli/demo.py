"""`shardpay demo`: payment credit on made-up people, from their payments to a paid order.

It does nothing that others cannot: it runs commands, which it prints, and calls the HTTP API.
"""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from switch.cli.demo_calls import SCENARIO, SHOP, Calls
from switch.cli.options import LocalPath

READY_WITHIN_S: Final = 300.0
"""A first start compiles kernels."""
LOOK_S: Final = 0.5
"""From one look whether the process still lives to the next."""
HOST: Final = "127.0.0.1"
_DAY_MS: Final = 86_400_000
_YEAR_DAYS: Final = 365


@click.command("demo", epilog="Example: shardpay demo --people 1000")
@click.option(
    "--people", type=click.IntRange(200, 100_000), default=10_000, show_default=True, help="How many are made up."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=42, show_default=True, help="Of all draws.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8080, show_default=True, help="Port to listen on.")
@click.option(
    "--data",
    type=LocalPath(path_type=Path, file_okay=False, resolve_path=True),
    help="Directory for all of it, new or empty, which stays [default: a temporary one].",
)
@click.option("--stop", is_flag=True, help="End when all is shown, in place of serving until Ctrl-C.")
def demo_command(people: int, seed: int, port: int, data: Path | None, stop: bool) -> None:
    """Show payment credit on a population, from its payments to a paid order.

    Starts a switch of its own, makes people up and imports a year of them, scores everybody by the shipped card, takes an order to its
    payment and another one late, and tells each step with its seconds. All people are synthetic.
    """
    _refuse_taken(port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, or its switch would be left behind
    with _folder(data) as folder:
        demo = _Demo(folder, f"http://{HOST}:{port}")
        try:
            with demo.switch(port):
                demo.history(people, seed)
                demo.scores()
                demo.orders()
                demo.link()
                if not stop:
                    click.echo("\nCtrl-C stops it.")
                    signal.pause()
        except KeyboardInterrupt:
            click.echo("stopped")


def _refuse_taken(port: int) -> None:
    """Before anything is made: another switch that listens there would answer in place of the demo's own."""
    from switch.node.listening import CannotServe, check_port

    try:
        check_port(HOST, port)
    except CannotServe as error:
        raise click.ClickException(f"{error}. Stop what listens there, or name another port: --port 8081") from None


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    """Where all of it lies. A temporary one goes with what Ray keeps of it elsewhere."""
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        if any(data.iterdir()):
            raise click.UsageError(f"{data} is not empty: --data names a new directory, or an empty one")
        yield data
        return
    from actors.process.ray_cluster import ray_temp_dir

    with tempfile.TemporaryDirectory(prefix="shardpay-demo-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root, PostgreSQL runs as another user and passes through
        yield folder
        shutil.rmtree(ray_temp_dir(folder / "switch").parent, ignore_errors=True)


class _Demo:
    """One run. Files lie beside the switch's own data."""

    def __init__(self, data: Path, url: str) -> None:
        self._data, self._url = data, url
        self._key = f"sp_demo_{secrets.token_urlsafe(24)}"
        self._began = time.perf_counter()
        self._payments = data / "people.parquet"
        self._orders = data / "people.orders.parquet"
        self._features = data / "features"
        self._merchant = ""
        self._calls = Calls(url, self._key)

    @contextmanager
    def _step(self, text: str) -> Iterator[None]:
        click.secho(f"\n{text}", bold=True)
        started = time.perf_counter()
        yield
        click.secho(f"  {time.perf_counter() - started:.1f} s", dim=True)

    def _run(self, *words: object) -> str:
        """A command of ours, shown as one would type it. Gives its output."""
        command = [str(word) for word in words]
        click.secho(f"  $ shardpay {' '.join(command)}", dim=True)
        done = subprocess.run(
            [sys.executable, "-m", "switch", *command],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise click.ClickException(
                f"shardpay {command[0]} ended with {done.returncode}: {done.stderr or done.stdout}"
            )
        return done.stdout.strip()

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "SHARDPAY_API_KEY": self._key,
            "SHARDPAY_URL": self._url,
            "SHARDPAY_DATA": str(self._place),
        }

    @property
    def _place(self) -> Path:
        return self._data / "switch"

    @contextmanager
    def switch(self, port: int) -> Iterator[None]:
        """A running switch, ended afterwards."""
        self._place.mkdir()
        command = ["serve", "--port", str(port), "--drain-grace", "0"]
        with open(self._data / "serve-output.log", "wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "switch", *command], env=self._environment(), stdout=output, stderr=output
            )
        try:
            with self._step("A switch starts"):
                click.secho(f"  $ shardpay {' '.join(command)}", dim=True)
                self._wait(process)
            yield
        finally:
            self._calls.close()
            process.terminate()
            process.wait()

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        from switch.node.supervisor import wait_ready

        ends = time.monotonic() + READY_WITHIN_S
        ready = False
        while not ready:
            if process.poll() is not None or time.monotonic() > ends:
                raise click.ClickException(f"the switch does not start; see {self._data / 'serve-output.log'}")
            ready = asyncio.run(wait_ready(self._url, LOOK_S))

    def history(self, people: int, seed: int) -> None:
        """A year of payments and orders, imported with their own times."""
        start = time.time_ns() // 1_000_000 // _DAY_MS - _YEAR_DAYS
        with self._step(f"{people:,} people are made up, with a year of payments; all of it is synthetic"):
            begin = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(start * _DAY_MS // 1_000))
            output = ("--output", self._payments, "--people", people, "--seed", seed, "--start", begin)
            click.echo(_indented(self._run("population", *output)))
        with self._step("Their payments are imported, each with its own time, and every balance is compared"):
            click.echo(_indented(self._run("import", self._payments, "--state", self._data / "import-state")))
        with self._step("Their orders too: what was used first and paid later, or not"):
            scopes = ("--scope", "merchant", "--owner", SHOP, "--scenario", SCENARIO)
            self._merchant = self._run("keys", "create", "--name", SHOP, *scopes)
            imported = self._run("import", self._orders, "--merchant", SHOP, "--scenario", SCENARIO)
            click.echo(_indented(imported))

    def scores(self) -> None:
        """Features of everybody, the shipped card, scores as one run."""
        with self._step("Features are computed from the journal"):
            click.echo(_indented(self._run("features", "--output", self._features)))
        with self._step("Everybody is scored by the shipped card, and the scores are published"):
            click.echo(_indented(self._calls.publish(self._features)))

    def orders(self) -> None:
        """A merchant's order through to its payment, and one that is paid late."""
        calls = self._calls
        with self._step("A shop asks about somebody who has consented, and gets its money"):
            calls.prepare(self._merchant)
            click.echo(_indented(calls.paid_order()))
        with self._step("Another one has spent all when the bill comes"):
            click.echo(_indented(calls.late_order()))
        with self._step("And disputes the order"):
            click.echo(_indented(calls.dispute()))

    def link(self) -> None:
        """Where to look on."""
        wallet = self._calls.shown
        key = self._run("keys", "create", "--name", "demo-holder", "--scope", "holder", "--wallet", wallet)
        click.secho(
            f"\nAll of it took {time.perf_counter() - self._began:.0f} s. Look at the first one's credit:\n", bold=True
        )
        click.echo(f"curl -s -H 'Authorization: Bearer {key}' \\\n  {self._url}/v1/wallets/{wallet}/credit")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
