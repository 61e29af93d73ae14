"""What a person writes becomes a folder, or is refused with what is possible."""

from pathlib import Path

import pytest

from actors.storage.interface import StorageRefused
from actors.storage.place import folder_at


@pytest.mark.parametrize(
    ("location", "named"),
    [
        (Path("/a/b"), "/a/b"),
        ("a/b/", "a/b"),
        ("s3://bureau", "s3://bureau"),
        ("s3://bureau/", "s3://bureau"),
        ("s3://bureau/x/y/", "s3://bureau/x/y"),
    ],
)
def test_paths_and_urls_are_folders(location: Path | str, named: str) -> None:
    assert str(folder_at(location)) == named


@pytest.mark.parametrize("url", ["gs://bureau/x", "s3://", "s3://A_B/x", "http://bureau.s3.amazonaws.com/x"])
def test_other_urls_are_refused_with_what_is_possible(url: str) -> None:
    with pytest.raises(StorageRefused, match=r"s3://BUCKET/PREFIX"):
        folder_at(url)


def test_a_folder_of_a_bucket_holds_what_lies_in_it_and_nothing_else() -> None:
    whole, part, beside = (folder_at(f"s3://bureau/{prefix}") for prefix in ("in", "in/x", "inside"))
    assert whole.holds(part) and whole.holds(whole)
    assert not whole.holds(beside) and not part.holds(whole)
    assert not whole.holds(folder_at("/in/x")) and not folder_at("/").holds(whole)
