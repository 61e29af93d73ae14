"""SipHash-2-4 with 128-bit output over 64-bit words.

Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.

It binds wallet ids to their address and idempotency keys to (caller, wallet): a keyed hash, so nobody outside can make
collisions or ids. The message is a whole number of words, its length in bytes enters as the algorithm says.
"""

import numpy as np

from models.jit import kernel


@kernel
def _rotate(x, bits):
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


@kernel
def _round(v0, v1, v2, v3):
    v0 = v0 + v1
    v1 = _rotate(v1, 13) ^ v0
    v0 = _rotate(v0, 32)
    v2 = v2 + v3
    v3 = _rotate(v3, 16) ^ v2
    v0 = v0 + v3
    v3 = _rotate(v3, 21) ^ v0
    v2 = v2 + v1
    v1 = _rotate(v1, 17) ^ v2
    v2 = _rotate(v2, 32)
    return v0, v1, v2, v3


@kernel
def siphash128(secret_0, secret_1, words):
    """The 128-bit hash of uint64 `words` (a tuple or array) under a 128-bit secret, as (low, high) uint64."""
    v0 = secret_0 ^ np.uint64(0x736F6D6570736575)
    v1 = secret_1 ^ np.uint64(0x646F72616E646F6D) ^ np.uint64(0xEE)
    v2 = secret_0 ^ np.uint64(0x6C7967656E657261)
    v3 = secret_1 ^ np.uint64(0x7465646279746573)
    for word in words:
        v3 ^= word
        for _ in range(2):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
    last = np.uint64((len(words) * 8) & 0xFF) << np.uint64(56)
    v3 ^= last
    for _ in range(2):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= last
    v2 ^= np.uint64(0xEE)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    low = v0 ^ v1 ^ v2 ^ v3
    v1 ^= np.uint64(0xDD)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return low, v0 ^ v1 ^ v2 ^ v3
