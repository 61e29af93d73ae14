"""A visit of a page for tests: an API that answers as the test wants, and remembers what it was asked."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import msgspec

from actors.stores.api_keys import Principal
from actors.stores.console_sessions import SignedIn
from switch.console.page import Visit, Wanted

WHO = SignedIn(principal=Principal(5, frozenset({"read"})), name="ann")


class Answers:
    """`answers` by method and path: a value, a problem to raise, or what makes one of the call. Calls of `refused` are not let in."""

    def __init__(self, answers: Mapping[str, Any], refused: tuple[str, ...] = (), figures: Any = None) -> None:
        self._answers = answers
        self._refused = refused
        self._figures = figures
        self.calls: list[Wanted] = []
        self.got_ready = 0

    def may(self, principal: Principal, method: str, path: str) -> bool:
        return f"{method} {path}" not in self._refused

    def get_ready(self) -> None:
        self.got_ready += 1

    async def call(self, request: Any, principal: Principal, wanted: Wanted) -> Any:
        assert principal is WHO.principal
        name = f"{wanted.method} {wanted.path}"
        assert name not in self._refused, f"{name} is asked though the key may not"
        self.calls.append(wanted)
        answer = self._answers[name]
        found = answer(wanted) if callable(answer) else answer
        if isinstance(found, Exception):
            raise found
        return found

    async def figures(self) -> Any:
        return self._figures

    @property
    def four_eyes(self) -> bool:
        return False

    @property
    def asked(self) -> list[tuple[str, dict[str, Any]]]:
        """Method and path of each call, with what else it had."""
        return [
            (
                f"{each.method} {each.path}",
                {
                    name: dict(value) if isinstance(value, Mapping) else value
                    for name, value in msgspec.structs.asdict(each).items()
                    if name not in ("method", "path") and value not in ({}, None)
                },
            )
            for each in self.calls
        ]


def visit(api: Answers, *, params: Any = None, query: Any = None, form: Any = None) -> Visit:
    """Of a page with these parts of its path, its query, its form."""
    request: Any = SimpleNamespace(match_info=params or {})
    return Visit(request, WHO, api, query or {}, form or {})
