"""What tests take a page of docs/ for, and when they say that it tells something else than what is printed."""

from pathlib import Path

import pytest

from tests import pages
from tests.pages import Block, Expected, blocks

PAGE = """\
# A

Write `pack.yaml`, a pack:

```yaml
name: a
```

```sh
pay
```

```json
{"id": "x"}
```

Something else:

```json
{}
```

    indented
"""
ID = "00000000-0000-8200-8594-1b1921e2d914"
OTHER = "00000000-0000-8240-8552-f2d319b74e8f"
THIRD = "00000000-0000-8280-80f4-a809ea8068c2"


def test_a_page_is_files_what_is_typed_and_what_it_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.md").write_text(PAGE)
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    assert blocks("a.md") == [
        Block("yaml", "name: a\n", 5, file="pack.yaml"),
        Block("sh", "pay\n", 9, printed='{"id": "x"}\n'),
        Block("json", "{}\n", 19),
        Block("", "indented\n", 23),
    ]
    assert [block.text for block in pages.typed("a.md")] == ["name: a\n", "pay\n"]


@pytest.mark.parametrize(
    ("stated", "printed"),
    [
        ('{ ... "status":"held", ... }', '{"id":"1","status":"held","of":null}\n'),
        ("at 2026-11-28T13:16:36.269Z", "at 2027-01-01T00:00:00Z"),
        ("sp_...", "sp_07f7abb7_UlEKrT-H821"),
        (f"{ID} {ID}", f"{OTHER} {OTHER}"),
    ],
)
def test_what_differs_each_time_may_differ(stated: str, printed: str) -> None:
    assert Expected().fits(stated, printed)


@pytest.mark.parametrize(
    ("stated", "printed"),
    [
        ('{"amount":5}', '{"amount":50}'),
        ('{ ... "status":"held"}', '{"status":"held","of":null}'),
        (f"{ID} {ID}", f"{OTHER} {THIRD}"),
        (ID, "none"),
        ("", "something"),
    ],
)
def test_what_is_another_answer_does_not_fit(stated: str, printed: str) -> None:
    assert not Expected().fits(stated, printed)


def test_an_id_is_the_same_from_block_to_block() -> None:
    page = Expected()
    assert page.fits(ID, OTHER)
    assert page.fits(f"of {ID}", f"of {OTHER}")
    assert not page.fits(f"of {ID}", f"of {THIRD}")
