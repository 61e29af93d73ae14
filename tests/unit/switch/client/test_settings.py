"""Where the switch is and with which key: what is given goes before the environment, and a header is sent only when it says something."""

import pytest

from switch.client.calls import Call
from switch.client.settings import DEFAULT_URL, headers_of, switch_key, switch_url


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("SHARDPAY_URL", "SHARDPAY_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_what_is_given_goes_before_the_environment_and_that_before_the_default(environment: pytest.MonkeyPatch) -> None:
    assert (switch_url(None), switch_key(None)) == (DEFAULT_URL, None)
    environment.setenv("SHARDPAY_URL", "https://pay.example/")
    environment.setenv("SHARDPAY_API_KEY", "of the environment")
    assert (switch_url(None), switch_key(None)) == ("https://pay.example", "of the environment")
    assert (switch_url("http://here:1//"), switch_key("mine")) == ("http://here:1", "mine")


def test_an_empty_variable_is_none(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SHARDPAY_URL", "")
    environment.setenv("SHARDPAY_API_KEY", "")
    assert (switch_url(None), switch_key(None), switch_key("")) == (DEFAULT_URL, None, None)


@pytest.mark.parametrize(
    ("call", "key", "more"),
    [
        (Call("GET", "/x"), None, {}),
        (Call("GET", "/x"), "k", {"Authorization": "Bearer k"}),
        (Call("POST", "/x", b""), None, {"Content-Type": "application/json"}),
        (Call("POST", "/x", None, key="once"), None, {"Idempotency-Key": "once"}),
    ],
)
def test_headers_say_what_there_is(call: Call, key: str | None, more: dict[str, str]) -> None:
    assert headers_of(call, key) == {"Accept": "application/json", **more}


def test_space_around_a_key_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARDPAY_API_KEY", "sp_k\n")
    assert (switch_key(None), switch_key(" sp_x\n"), switch_key(" ")) == ("sp_k", "sp_x", None)


@pytest.mark.parametrize("key", ["sp_secret\nX-Admin: 1", "sp_secret\rx", "sp_secret\x00x", "sp_sécret-secret"])
def test_a_key_that_is_none_is_refused_and_not_shown(key: str) -> None:
    """The library for HTTP prints the header that it refuses."""
    with pytest.raises(ValueError, match="the API key, given or in SHARDPAY_API_KEY") as refused:
        switch_key(key)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["localhost:8080", "127.0.0.1:8080", "ftp://pay.example", "http://", "https:///x", "pay"]
)
def test_what_is_no_address_of_a_switch_is_refused_with_how_one_looks(url: str) -> None:
    with pytest.raises(ValueError, match=f"'{url.rstrip('/')}' is no address of a switch, which is as http://"):
        switch_url(url)
