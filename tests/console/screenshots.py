"""Screenshots of the console for docs/console.md: `make screenshots`."""

import asyncio
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Final

import asyncpg

from actors.database import embedded
from actors.database.connection import migrate
from tests.console.browser import CHROMIUM, chromium
from tests.console.scene import Day, day_at_the_shop, looked_at
from tests.console.signing_in import signed_in
from tests.front_door import RunningSwitch, running_switch

WIDE: Final = 1280
NARROW: Final = 420
LOOKS: Final = ("light", "dark", "narrow")
IN_DARK: Final = ("wallet", "rescoring")
NOT_IN_DOCS: Final = (
    "hold",
    "find",
    "write-card",
    "bench",
    "consents",
    "orders",
    "disputes",
    "credit-reviews",
    "proposals",
    "admin-log",
)
"""Much like another page. docs/console.md shows every other one; `all` behind the folder takes every page in every look."""
BYTES_MAX: Final = 60_000
"""Of a picture: the repository stays light."""
DRAWN_S: Final = 9.0


async def _take(place: Path, scratch: Path, everything: bool) -> None:
    server = embedded.start(scratch)
    try:
        administrator = await asyncpg.connect(server.url)
        name = f"shots_{uuid.uuid4().hex}"
        await administrator.execute(f"CREATE DATABASE {name}")
        await administrator.close()
        url = server.url.replace("/postgres?", f"/{name}?")
        await migrate(url)
        results = scratch / "results"
        results.mkdir()
        async with running_switch(url, shards=2, bench_reports=str(results)) as switch:
            day = await day_at_the_shop(switch, results)
            async with chromium() as tab:
                await tab.open(f"{switch.base}/console")
                bytes_max = None if everything else BYTES_MAX
                await tab.picture(place / "sign-in.webp", bytes_max)
                await signed_in(tab, switch.base, switch.key)
                pages = sorted(looked_at(day).items(), key=lambda page: page[0] == "overview")  # its payments come last
                for shot, path in pages:
                    for look in LOOKS if everything else _looks(shot):
                        await tab.look(width=NARROW if look == "narrow" else WIDE, dark=look == "dark")
                        await tab.open(switch.base + path)
                        if shot == "overview":
                            await _pay_for_a_while(switch, day)
                        if shot == "scorecard":
                            await tab.changes(lambda: tab.click("#monitor button"))
                        await tab.picture(place / f"{shot}-{look}.webp", bytes_max)
                assert not tab.complaints, tab.complaints
    finally:
        server.stop()


def _looks(shot: str) -> tuple[str, ...]:
    """In which looks docs/console.md shows a page."""
    if shot in NOT_IN_DOCS:
        return ()
    return ("dark",) if shot in IN_DARK else ("light",)


async def _pay_for_a_while(switch: RunningSwitch, day: Day) -> None:
    """So that charts have something to draw."""
    ends = asyncio.get_running_loop().time() + DRAWN_S
    i = 0
    while asyncio.get_running_loop().time() < ends:
        await switch.pay(day.shop, day.alice, 10 + i % 90, reference=f"tip {i}")
        await asyncio.sleep(0.05 + (i % 40) / 400)
        i += 1


def main() -> None:
    """Write them into the folder that is given first."""
    if CHROMIUM is None:
        raise SystemExit("no Chromium is installed; on Debian: apt-get install chromium")
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shardpay-") as scratch:
        asyncio.run(_take(place, Path(scratch), sys.argv[2:] == ["all"]))


if __name__ == "__main__":
    main()
