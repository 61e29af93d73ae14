"""Signatures as Standard Webhooks has them: HMAC-SHA256 over id, time and body.

There is one for each secret that signs. A receiver that knows any of the secrets finds its signature, so a secret is changed without a
moment in which none fits.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

SECRET_PREFIX: Final = "whsec_"
_VERSION: Final = b"v1,"


def secret_text(secret: bytes) -> str:
    """A secret as receivers keep it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signed_headers(secrets: Sequence[bytes], message: str, time_s: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt. `message`: the same in every attempt, so a receiver knows what it had before."""
    signed = f"{message}.{time_s}.".encode() + body
    digests = (hmac.digest(secret, signed, hashlib.sha256) for secret in secrets)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(time_s),
        "webhook-signature": b" ".join(_VERSION + base64.b64encode(digest) for digest in digests).decode(),
    }
