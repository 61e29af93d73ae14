"""A browser as requests see it: a cookie jar, forms with their tokens; no screen."""

import html
import re
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from switch.console.sessions import COOKIE
from tests.front_door import RunningSwitch


class Seen(msgspec.Struct, frozen=True):
    """An answer, its redirect not followed."""

    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.text)

    @property
    def plain(self) -> str:
        """The text that a page shows, spaces made one."""
        shown = re.sub(r"<(script|style)\b.*?</\1>", " ", self.text, flags=re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", shown)).split())


class Visitor:
    """Sends what a browser sends: cookies, the Origin of the page, the fields of forms."""

    def __init__(self, switch: RunningSwitch) -> None:
        self.base = switch.base
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def token(self) -> str:
        """The session's."""
        return next(each.value for each in self._session.cookie_jar if each.key == COOKIE)

    async def get(self, path: str, **headers: str) -> Seen:
        sent = {"Accept": "text/html", **headers}
        async with self._session.get(self.base + path, headers=sent, allow_redirects=False) as answer:
            return Seen(answer.status, answer.headers, await answer.text())

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Seen:
        sent = {"Origin": self.base, **headers}
        async with self._session.post(self.base + path, data=fields, headers=sent, allow_redirects=False) as answer:
            return Seen(answer.status, answer.headers, await answer.text())

    async def sign_in(self, key: str, **more: str) -> Seen:
        return await self.post("/console/sign-in", {"key": key, **more})

    async def fields(self, path: str, action: str) -> dict[str, str]:
        """The hidden fields of the form on a page that is sent to `action`."""
        seen = await self.get(path)
        assert seen.status == 200, seen.text
        form = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', seen.text, re.DOTALL)
        assert form is not None, f"{path} has no form for {action}"
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[1])
        return {name: html.unescape(value) for name, value in hidden}

    async def submit(self, path: str, action: str, **more: str) -> Seen:
        """Send a form of a page."""
        return await self.post(action, {**await self.fields(path, action), **more})


async def visitor(switch: RunningSwitch, key: str | None = None) -> Visitor:
    """One who has signed in; close it by `async with`."""
    made = Visitor(switch)
    seen = await made.sign_in(key or switch.key)
    assert seen.status == 303, seen.text
    return made
