"""docs/command-line.md as it stands, typed into a shell beside a running switch."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.acceptance.running import KEY, RunningSwitch

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"


def test_every_line_of_the_page_works_in_its_order(shared_switch: RunningSwitch, tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    script = "set -euo pipefail\n" + "".join(blocks)
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, "SHARDPAY_URL": shared_switch.url, "SHARDPAY_API_KEY": KEY}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ids = re.findall(r"^([0-9a-f-]{36})$", done.stdout, re.MULTILINE)
    assert len(ids) >= 3 and len(set(ids[:3])) == 1, "one key, one payment"
    assert (tmp_path / "statement.ndjson").read_text().count("\n") == 5, "received, paid twice, refunded, captured"
    assert "shardpay" in (tmp_path / "shardpay.bash").read_text()
