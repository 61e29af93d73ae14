"""Signatures are those of Standard Webhooks, by the worked example that its reference implementations carry."""

import base64
import hashlib
import hmac

from switch.webhooks.signing import secret_text, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'


def raw(text: str) -> bytes:
    return base64.b64decode(text.removeprefix("whsec_"))


def test_the_example_of_the_standard_has_its_signature() -> None:
    headers = signed_headers([raw(SECRET)], MESSAGE, 1614265330, BODY)
    assert headers == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_secret_signs_the_newest_first() -> None:
    secrets = [bytes([number]) * 32 for number in range(3)]
    given = signed_headers(secrets, "a", 7, b"{}")["webhook-signature"].split(" ")
    expected = [base64.b64encode(hmac.new(each, b"a.7.{}", hashlib.sha256).digest()).decode() for each in secrets]
    assert given == [f"v1,{each}" for each in expected]


def test_a_secret_is_kept_by_receivers_as_text() -> None:
    assert secret_text(raw(SECRET)) == SECRET
