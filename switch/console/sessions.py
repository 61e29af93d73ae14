"""The cookie of a session, and what shows that a form was sent from one of our own pages.

A browser sends the cookie with what other sites make it send too (SameSite=Strict keeps most of that away), so a change needs more: the
Origin of this site, and a token in the form that only a page of ours could know.
"""

import hashlib
import hmac
import re
from typing import Final
from urllib.parse import unquote

from aiohttp import web

from actors.stores.console_sessions import LIFE_S
from switch.problems.table import ProblemError

COOKIE: Final = "shardpay_console"
HOME: Final = "/console"
OWN_CHARACTERS_MAX: Final = 2_048
"""Of a path to go to. Pages name none that is longer, and a form could name one of megabytes."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_AWAY: Final = {".", ".."}
"""Steps that a browser takes out of a path, with what stands before them."""
_OWN: Final = re.compile(r"/console(?:[/?][!-\[\]-~]*)?")


def token_of(request: web.Request) -> str | None:
    """The session's token, None when the request brings nothing that could be one."""
    token = request.cookies.get(COOKIE, "")
    return token if _TOKEN.fullmatch(token) else None


def session_cookie(token: str, request: web.Request) -> str:
    """The header that gives a browser its session."""
    return _cookie(token, LIFE_S, request)


def no_cookie(request: web.Request) -> str:
    """The header that takes it away."""
    return _cookie("", 0, request)


def _cookie(value: str, life_s: int, request: web.Request) -> str:
    """Only over TLS where there is TLS, in the switch or in front of it."""
    encrypted = request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
    secure = "; Secure" if encrypted else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={life_s}; HttpOnly; SameSite=Strict{secure}"


def form_token(token: str) -> str:
    """What forms of a session carry."""
    return hashlib.blake2b(token.encode(), digest_size=16, person=b"console form").hexdigest()


def demand_own_form(token: str, form: dict[str, str]) -> None:
    """Take the token out of a form. Raises ProblemError forbidden when it is not this session's."""
    if not hmac.compare_digest(form.pop("csrf", "").encode(), form_token(token).encode()):
        raise ProblemError("forbidden", "The form is not of this session: open the page again.")


def demand_own_origin(request: web.Request) -> None:
    """Raise ProblemError forbidden unless a page of this host sent the request, which names the host. The scheme is not looked at: TLS may
    end before us."""
    origin = request.headers.get("Origin", "")
    if not request.host or origin.partition("://")[2] != request.host:
        raise ProblemError("forbidden", "This was not sent by a page of this console.")


def own_path(text: str) -> str:
    """A path of the console to go to, its first page for anything else."""
    if len(text) > OWN_CHARACTERS_MAX:
        return HOME
    steps = unquote(text.partition("?")[0]).split("/")
    return text if _OWN.fullmatch(text) and "//" not in text and not _AWAY & {*steps} else HOME
