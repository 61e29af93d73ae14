"""An entry's hash is of every field and of the hash before it; a digest is of salt and body."""

import hashlib

import msgspec
import pytest

from actors.records.admin_entries import NO_HASH, AdminCall, AdminEntry, entry_hash, sent, sent_digest

CALL = AdminCall(
    account=5, key="k", origin="api here:1", request="r", call="PUT /v1/lists/{name}", resource="/v1/lists/a"
)
ENTRY = AdminEntry(number=1, at_ms=2, call=CALL, status=200, code="", digest=bytes(32))


def test_the_hash_is_of_every_field_and_of_what_is_before() -> None:
    changed = {"number": 2, "at_ms": 3, "status": 201, "code": "x", "digest": bytes(31) + b"1"}
    assert {*changed, "call"} == set(AdminEntry.__struct_fields__)
    others = {"account": 1, "key": "l", "origin": "d", "request": "q", "call": "c", "resource": "s"}
    assert set(others) == set(AdminCall.__struct_fields__)
    hashes = {entry_hash(NO_HASH, ENTRY), entry_hash(bytes(31) + b"1", ENTRY)}
    hashes |= {entry_hash(NO_HASH, msgspec.structs.replace(ENTRY, **{name: value})) for name, value in changed.items()}
    for name, value in others.items():
        call = msgspec.structs.replace(CALL, **{name: value})
        hashes.add(entry_hash(NO_HASH, msgspec.structs.replace(ENTRY, call=call)))
    assert len(hashes) == 2 + len(changed) + len(others) and {len(each) for each in hashes} == {32}


def test_the_hash_is_the_one_that_docs_describe() -> None:
    text = b'[1,2,5,"k","api here:1","r","PUT /v1/lists/{name}","/v1/lists/a",200,"","' + b"00" * 32 + b'"]'
    assert entry_hash(NO_HASH, ENTRY) == hashlib.sha256(bytes(32) + text).digest()


def test_fields_do_not_run_into_each_other() -> None:
    one = msgspec.structs.replace(CALL, call="a", resource="b,c")
    two = msgspec.structs.replace(CALL, call='a","b', resource="c")
    assert len({entry_hash(NO_HASH, msgspec.structs.replace(ENTRY, call=each)) for each in (one, two)}) == 2


@pytest.mark.parametrize("kept", [True, False])
def test_a_digest_is_of_the_salt_and_of_the_bodys_hash(kept: bool) -> None:
    salt, body = b"s" * 16, b'{"tier": 2}'
    found = sent(salt, body, kept)
    assert found.digest == sent_digest(salt, hashlib.sha256(body).digest())
    assert found.digest != sent(b"t" * 16, body, kept).digest and found.digest != sent(salt, b"{}", kept).digest
    assert (found.salt, found.body) == (salt, body if kept else None)
