"""A process is known to have ended only if it was here."""

import os
import subprocess
import sys

from actors.process.identity import has_ended, own_identity


def test_a_process_is_known_to_have_ended_only_if_it_was_here() -> None:
    code = "from actors.process.identity import own_identity; print(own_identity(), flush=True); input()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdin is not None and other.stdout is not None
    identity = other.stdout.readline().strip()
    assert not has_ended(identity) and not has_ended(own_identity())
    other.stdin.close()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert has_ended(identity), "one that nobody has waited for has ended too"
    other.wait()
    assert has_ended(identity)
    boot, *rest = identity.split(" ")
    for elsewhere in ("", "nonsense", " ".join([boot[::-1], *rest]), " ".join([boot, "pid:[1]", *rest[1:]])):
        assert not has_ended(elsewhere)
    *here, pid, _ = own_identity().split(" ")
    assert has_ended(" ".join([*here, pid, "1"])), "the number was given to another process since"
    other.stdout.close()
