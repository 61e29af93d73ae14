"""SipHash-2-4-128 is the published one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.records.siphash import siphash128
from tests.oracle import oracle_siphash

KEY = bytes(range(16))
# vectors_sip128 of the authors' reference implementation: key 00..0f, message 00..n-1, by length n.
VECTORS = {
    0: "a3817f04ba25a8e66df67214c7550293",
    8: "3b62a9ba6258f5610f83e264f31497b4",
    16: "6ee2a4ca67b054bbfd3315bf85230577",
    24: "2db479ae78bd50d8882a8a178a6132ad",
    32: "7c3956ca5eeafc3e363e9d556546eb68",
    40: "df6a301e95c95dad97ae0cc8c6913bd8",
}
ODD_VECTORS = {1: "da87c1d86b99af44347659119b22fc45", 15: "5493e99933b0a8117e08ec0f97cfc3d9"}


def hashed(key: bytes, message: bytes) -> bytes:
    """The kernel's hash of a message of whole words."""
    low, high = siphash128(*np.frombuffer(key, "<u8"), np.frombuffer(message, "<u8").astype(np.uint64))
    return int(low).to_bytes(8, "little") + int(high).to_bytes(8, "little")


@pytest.mark.parametrize("length", VECTORS)
def test_official_vectors_of_whole_words(length: int) -> None:
    assert hashed(KEY, bytes(range(length))).hex() == VECTORS[length]


@pytest.mark.parametrize("length", VECTORS | ODD_VECTORS)
def test_the_oracle_gives_the_official_vectors(length: int) -> None:
    assert oracle_siphash.siphash128(KEY, bytes(range(length))).hex() == (VECTORS | ODD_VECTORS)[length]


@given(st.binary(min_size=16, max_size=16), st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_any_words_hash_as_in_the_oracle(key: bytes, words: list[int]) -> None:
    message = b"".join(word.to_bytes(8, "little") for word in words)
    assert hashed(key, message) == oracle_siphash.siphash128(key, message)
