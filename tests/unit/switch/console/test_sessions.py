"""The cookie of a session, and forms: nobody else's page or form changes anything, and no path leads elsewhere."""

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from actors.stores.console_sessions import LIFE_S
from switch.console.sessions import (
    COOKIE,
    HOME,
    demand_own_form,
    demand_own_origin,
    form_token,
    no_cookie,
    own_path,
    session_cookie,
    token_of,
)
from switch.problems.table import ProblemError

TOKEN = "a-_0" * 10 + "abc"


def request(**headers: str) -> Any:
    return make_mocked_request("POST", "/console", headers={"Host": "pay.example:8080", **headers})


@pytest.mark.parametrize(
    ("cookie", "token"),
    [
        (f"{COOKIE}={TOKEN}", TOKEN),
        (f"other=1; {COOKIE}={TOKEN}", TOKEN),
        (f"{COOKIE}={TOKEN[1:]}", None),
        (f"{COOKIE}={TOKEN}x", None),
        (f"{COOKIE}={TOKEN[:-1]}+", None),
        (f"{COOKIE}=", None),
        ("", None),
    ],
)
def test_a_token_is_only_what_could_be_one(cookie: str, token: str | None) -> None:
    assert token_of(request(Cookie=cookie)) == token


def test_a_cookie_is_out_of_reach_of_scripts_and_other_sites_and_goes_with_the_session() -> None:
    given = session_cookie(TOKEN, request())
    assert given == f"{COOKIE}={TOKEN}; Path=/; Max-Age={LIFE_S}; HttpOnly; SameSite=Strict"
    assert session_cookie(TOKEN, request(**{"X-Forwarded-Proto": "HTTPS"})).endswith("; Secure")
    assert no_cookie(request()).startswith(f"{COOKIE}=; ") and "Max-Age=0" in no_cookie(request())


def test_a_form_is_of_its_session_alone() -> None:
    form = {"csrf": form_token(TOKEN), "a": "b"}
    demand_own_form(TOKEN, form)
    assert form == {"a": "b"} and TOKEN not in form_token(TOKEN)
    for wrong in ({}, {"csrf": ""}, {"csrf": form_token(TOKEN[::-1])}, {"csrf": "é"}, {"csrf": form_token(TOKEN)[:-1]}):
        with pytest.raises(ProblemError, match="open the page again"):
            demand_own_form(TOKEN, dict(wrong))


@pytest.mark.parametrize("origin", ["http://pay.example:8080", "https://pay.example:8080"])
def test_a_page_of_this_host_may_send_forms_whichever_scheme_ends_before_us(origin: str) -> None:
    demand_own_origin(request(Origin=origin))


@pytest.mark.parametrize(
    "origin", ["", "null", "http://pay.example", "http://evil.example", "http://pay.example:8080.evil.example"]
)
def test_no_other_page_may(origin: str) -> None:
    with pytest.raises(ProblemError) as refused:
        demand_own_origin(request(Origin=origin))
    assert refused.value.code == "forbidden"


@pytest.mark.parametrize(
    "path", ["/console", "/console/find?q=a+b", "/console?x=1", "/console/reviews?next=/console/.."]
)
def test_a_path_of_the_console_leads_there(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/v1/wallets", "/consoled", "//evil.example", "/console//evil", "https://evil.example/console",
        "/console\\evil", "/console/\r\nSet-Cookie: a=b", "/console/é", "/console/../v1/wallets", "/console/a/../..",
        "/console/%2e%2e/v1", "/console/.%2E/v1",
    ],
)  # fmt: skip
def test_anything_else_leads_to_the_first_page(path: str) -> None:
    assert own_path(path) == HOME
