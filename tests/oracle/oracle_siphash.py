"""SipHash-2-4 with 128-bit output over bytes, after the paper's description, in unbounded Python integers."""

MASK = (1 << 64) - 1


def _left(x: int, bits: int) -> int:
    return (x << bits | x >> (64 - bits)) & MASK


def _rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        v[0] = (v[0] + v[1]) & MASK
        v[2] = (v[2] + v[3]) & MASK
        v[1] = _left(v[1], 13) ^ v[0]
        v[3] = _left(v[3], 16) ^ v[2]
        v[0] = _left(v[0], 32)
        v[2] = (v[2] + v[1]) & MASK
        v[0] = (v[0] + v[3]) & MASK
        v[1] = _left(v[1], 17) ^ v[2]
        v[3] = _left(v[3], 21) ^ v[0]
        v[2] = _left(v[2], 32)


def siphash128(key: bytes, message: bytes) -> bytes:
    """16 bytes of hash under a 16-byte key."""
    k = [int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")]
    v = [b ^ k[i % 2] for i, b in enumerate(int.from_bytes(t, "big") for t in _PARTS)]
    v[1] ^= 0xEE
    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 0xFF])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    halves = []
    for index, constant in ((2, 0xEE), (1, 0xDD)):
        v[index] ^= constant
        _rounds(v, 4)
        halves.append((v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little"))
    return b"".join(halves)


_PARTS = (b"somepseu", b"dorandom", b"lygenera", b"tedbytes")
