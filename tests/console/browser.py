"""A headless Chromium, driven over its DevTools protocol: what people do with the console, done for real."""

import asyncio
import base64
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
"""None where there is none: then tests that need it are skipped."""
AXE: Final = Path(__file__).parent / "axe-4.14.1.min.js"
START_TIMEOUT_S: Final = 20.0
STEP_TIMEOUT_S: Final = 30.0
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
QUALITIES: Final = ((85, 1.0), (65, 1.0), (65, 0.8), (45, 0.8), (45, 0.65))
"""Of pictures, with how many times as large as on the screen they are; tried one after the other."""
PICTURE_HEIGHT: Final = 1_100
KEYS: Final = {"Enter": ("Enter", 13, "\r"), "Tab": ("Tab", 9, "")}


class BrowserError(AssertionError):
    """The page or the browser did not do what was asked."""


class Tab:
    """One page. Selectors are CSS."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.complaints: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            stated = msgspec.json.decode(message.data)
            if "id" in stated:
                waits = self._answers.pop(stated["id"])
                if not waits.done():
                    waits.set_result(stated)
            elif stated["method"] == "Runtime.exceptionThrown":
                self.complaints.append(str(stated["params"]["exceptionDetails"]))
            elif stated["method"] == "Log.entryAdded" and stated["params"]["entry"]["level"] == "error":
                self.complaints.append(stated["params"]["entry"]["text"])
            elif stated["method"] == "Page.javascriptDialogOpening":
                self._number += 1
                accept = {"id": self._number, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
                self._answers[self._number] = asyncio.get_running_loop().create_future()
                await self._socket.send_str(msgspec.json.encode(accept).decode())

    async def do(self, method: str, **params: Any) -> Any:
        """One command of the protocol."""
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_str(
            msgspec.json.encode({"id": self._number, "method": method, "params": params}).decode()
        )
        async with asyncio.timeout(STEP_TIMEOUT_S):
            stated = await answer
        if "error" in stated:
            raise BrowserError(f"{method}: {stated['error']}")
        return stated["result"]

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited."""
        stated = await self.do("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in stated:
            raise BrowserError(str(stated["exceptionDetails"]))
        return stated["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until a JavaScript expression is true; a page that is just changing has no value yet."""
        try:
            async with asyncio.timeout(STEP_TIMEOUT_S):
                while True:
                    with contextlib.suppress(BrowserError):
                        if await self.run(condition):
                            return
                    await asyncio.sleep(0.02)
        except TimeoutError:
            shown = await self.run("document.body.innerText.slice(0, 2000)")
            raise BrowserError(f"never came true: {condition}; the page says: {shown}") from None

    async def changes(self, act: Callable[[], Awaitable[Any]]) -> None:
        """Do something that leads to another page, and wait for that."""
        await self.run("window.before = true")
        await act()
        await self.until("window.before !== true && document.readyState === 'complete'")

    async def open(self, url: str) -> None:
        """Go to a page."""
        await self.changes(lambda: self.do("Page.navigate", url=url))

    async def click(self, selector: str) -> None:
        """As a mouse does, at its middle."""
        box = await self.run(
            f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.do("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    async def type(self, text: str) -> None:
        """Into whatever has the focus."""
        await self.do("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """One key."""
        name, code, text = KEYS.get(key, (key, ord(key[0].upper()), key))
        params = {"key": name, "windowsVirtualKeyCode": code, **({"text": text} if text else {})}
        await self.do("Input.dispatchKeyEvent", type="keyDown", **params)
        await self.do("Input.dispatchKeyEvent", type="keyUp", key=name, windowsVirtualKeyCode=code)

    async def text(self, selector: str = "main") -> str:
        """What is written there."""
        found: str = await self.run(f"document.querySelector({selector!r}).innerText")
        return found

    async def look(self, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Be a screen of this size, in this scheme, at rest."""
        await self.do(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        features = {"prefers-color-scheme": "dark" if dark else "light", "prefers-reduced-motion": "reduce"}
        media = [{"name": name, "value": value} for name, value in features.items()]
        await self.do("Emulation.setEmulatedMedia", features=media)

    async def picture(self, path: Path, bytes_max: int | None = None) -> None:
        """The page as WebP: all of it, or as much of its top as PICTURE_HEIGHT and as good as `bytes_max` allow. Raises BrowserError when
        nothing of QUALITIES does."""
        await self.run("window.scrollTo(0, 0)")
        size = (await self.do("Page.getLayoutMetrics"))["cssContentSize"]
        height = size["height"] if bytes_max is None else min(size["height"], PICTURE_HEIGHT)
        for quality, scale in QUALITIES:
            clip = {"x": 0, "y": 0, "width": size["width"], "height": height, "scale": scale}
            stated = await self.do(
                "Page.captureScreenshot", captureBeyondViewport=True, format="webp", quality=quality, clip=clip
            )
            picture = base64.b64decode(stated["data"])
            if bytes_max is None or len(picture) <= bytes_max:
                path.write_bytes(picture)
                return
        raise BrowserError(f"{path.name} has {len(picture):,} bytes, more than {bytes_max:,}")

    async def axe(self, *rules: str) -> list[str]:
        """What axe finds wrong with the page by these rules, or by all, one line each."""
        if not await self.run("'axe' in window"):
            await self.run(AXE.read_text(encoding="utf-8") + "; true")
        options = msgspec.json.encode({"runOnly": rules} if rules else {}).decode()
        found = await self.run(
            f"axe.run({options}).then(said => said.violations.flatMap(rule =>"
            " rule.nodes.map(node => `${rule.id}: ${node.target} ${node.failureSummary}`)))"
        )
        return list(found)

    async def close(self) -> None:
        """Hang up."""
        await self._socket.close()
        await self._reading


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Tab]:
    """A browser with one page."""
    assert CHROMIUM is not None, "ask CHROMIUM first"
    with tempfile.TemporaryDirectory(prefix="shardpay-chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            port = await _port(Path(profile) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    targets = await answer.json()
                where = next(each for each in targets if each["type"] == "page")["webSocketDebuggerUrl"]
                async with session.ws_connect(where, max_msg_size=0) as socket:
                    tab = Tab(socket)
                    for domain in ("Page", "Runtime", "Log"):
                        await tab.do(f"{domain}.enable")
                    await tab.look(width=1280)
                    yield tab
                    await tab.close()
        finally:
            process.terminate()
            await process.wait()


async def _port(file: Path) -> int:
    """Where the browser listens, once it does."""
    async with asyncio.timeout(START_TIMEOUT_S):
        while True:
            with contextlib.suppress(OSError, ValueError, IndexError):
                return int(file.read_text().splitlines()[0])
            await asyncio.sleep(0.02)
