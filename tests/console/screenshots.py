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
IN_DOCS: Final = {
    "overview": ("light",),
    "payment": ("light",),
    "wallet": ("dark",),
    "reviews": ("light",),
    "write-pack": ("light",),
}
"""Pictures that docs/console.md shows; `all` behind the folder takes every page in every look."""
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
        async with running_switch(url, shards=2) as switch:
            day = await day_at_the_shop(switch)
            async with chromium() as tab:
                await tab.open(f"{switch.base}/console")
                await tab.picture(place / "sign-in.png")
                await signed_in(tab, switch.base, switch.key)
                for shot, path in looked_at(day).items():
                    for look in LOOKS if everything else IN_DOCS.get(shot, ()):
                        await tab.look(width=NARROW if look == "narrow" else WIDE, dark=look == "dark")
                        await tab.open(switch.base + path)
                        if shot == "overview":
                            await _pay_for_a_while(switch, day)
                        await tab.picture(place / f"{shot}-{look}.png")
                assert not tab.complaints, tab.complaints
    finally:
        server.stop()


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
