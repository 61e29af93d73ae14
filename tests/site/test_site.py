"""The site as `make site` builds it: whole, found by its search, and of nothing that is elsewhere; also opened from its folder in a real
Chromium."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import aiohttp.web
import msgspec
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from tests.console.browser import CHROMIUM, Tab, chromium
from tests.extra import needs
from tests.pages import DOCS, PAGES, ROOT

needs("furo")

IN_ROOT: Final = ("ARCHITECTURE", "CHANGELOG", "CONTRIBUTING", "SECURITY")
NAMES: Final = (*IN_ROOT, *(f"docs/{page.removesuffix('.md')}" for page in PAGES))
MAKE: Final = re.search(r"\$\(BIN\)/sphinx-build (.*) site\n", (ROOT / "Makefile").read_text(encoding="utf-8"))
LOOKED_AT: Final = (
    "docs/README",
    "docs/tutorial",
    "docs/recipes/fraud",
    "docs/reference/metrics",
    "docs/decisions/README",
)
SEARCHED: Final = {
    "refund": "docs/recipes/money",
    "idempotency key": "docs/",
    "hold": "docs/",
    "webhook": "docs/",
    "backup": "docs/operations/backup",
    "scorecard": "docs/reference/",
    "metrics": "docs/reference/metrics",
}
"""Words that decisions and changes are full of too, and how the name of the page that is found first begins."""
LAST: Final = ("docs/decisions/", "CHANGELOG")
CONTRAST: Final = "color-contrast"


class _Page(HTMLParser):
    """What a page of HTML refers to: anchors, links, what it loads, and the links of its navigation."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.navigation: list[str] = []
        self._in_navigation = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids.update(filter(None, (values.get("id"), values.get("name") if tag == "a" else None)))
        if tag == "div" and (self._in_navigation or "sidebar-tree" in (values.get("class") or "")):
            self._in_navigation += 1
        if tag == "a" and values.get("href"):
            self.links.append(values["href"] or "")
            if self._in_navigation:
                self.navigation.append(values["href"] or "")
        elif "src" in values or (tag == "link" and values.get("rel") != "author"):
            self.loads.append(values.get("src") or values.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._in_navigation:
            self._in_navigation -= 1


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the words of the Makefile."""
    folder = tmp_path_factory.mktemp("site")
    assert MAKE is not None
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *MAKE[1].split(), str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    return {path: _Page(path) for path in sorted(site.rglob("*.html"))}


def test_every_page_of_the_repository_is_one_of_the_site(site: Path) -> None:
    assert {f"{path.relative_to(site).with_suffix('')}" for path in site.rglob("*.html")} == {*NAMES, "index", "search"}


def test_every_page_is_in_the_navigation(site: Path, pages: dict[Path, _Page]) -> None:
    """Of its home, or of the page of its folder, where there are many."""
    homes = [path for path in pages if path.name == "README.html"]
    named = {(home.parent / link).resolve() for home in homes for link in pages[home].navigation}
    missing = {name for name in NAMES if site / f"{name}.html" not in named and name != "docs/README"}
    assert homes and not missing


def test_every_link_within_the_site_leads_somewhere(site: Path, pages: dict[Path, _Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in {*page.links, *page.loads}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            whole = target.is_relative_to(site) and target.is_file()
            if not whole or (parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert not broken


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, _Page]) -> None:
    loaded = [load for page in pages.values() for load in page.loads]
    assert loaded and not [
        load for load in loaded if urlsplit(load).scheme not in ("", "data") or load.startswith("//")
    ]
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", text), style.name


def test_the_search_index_knows_every_page(site: Path) -> None:
    """Each by words of its own text, not only by its title."""
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    index = msgspec.json.decode(text.removeprefix("Search.setIndex(").removesuffix(")"))
    found = {at for places in index["terms"].values() for at in (places if isinstance(places, list) else [places])}
    assert {index["docnames"][at] for at in found} == {*NAMES}
    assert index["docnames"][index["terms"]["kubectl"]] == "docs/operations/rescore"


def test_a_page_that_no_readme_names_and_a_link_that_leads_nowhere_end_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text("# Home\n\n## Guide\n\n[a](a.md)\n")
    (tmp_path / "docs" / "a.md").write_text("# A\n\n[nowhere](nowhere.md), [no heading](README.md#gone)\n")
    (tmp_path / "docs" / "b.md").write_text("# B\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", str(DOCS / "site"), "."]
    done = subprocess.run([*command, "built"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr and "gone" in done.stderr and "docs/b.md" in done.stderr


# In a browser.


browsed = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed; on Debian: apt-get install chromium")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tab() -> AsyncIterator[Tab]:
    """Whatever a page complains of at its console fails the tests."""
    async with chromium() as made:
        yield made
        assert not made.complaints, made.complaints


@browsed
@pytest.mark.asyncio(loop_scope="session")
async def test_a_word_is_searched_for_in_a_folder_and_found(tab: Tab, site: Path) -> None:
    await tab.open((site / "index.html").as_uri())
    await tab.until("location.pathname.endsWith('/docs/README.html') && document.readyState === 'complete'")
    await tab.click("input[name=q]")
    await tab.type("kubectl")
    await tab.changes(lambda: tab.press("Enter"))
    await tab.until("document.querySelector('#search-results li a') !== null")
    await tab.changes(lambda: tab.click("#search-results li a"))
    assert (await tab.run("location.pathname")).endswith("/docs/operations/rescore.html")
    assert "Rescore everybody" in await tab.text("h1")


@browsed
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("words", SEARCHED)
async def test_pages_to_work_by_are_found_before_decisions_and_changes(tab: Tab, site: Path, words: str) -> None:
    await tab.open(f"{(site / 'search.html').as_uri()}?q={quote(words)}")
    await tab.until("/found|matching|did not match/.test((document.querySelector('.search-summary') || {}).innerText)")
    links = "Array.from(document.querySelectorAll('#search-results li a'), link => link.href)"
    at = [urlsplit(link).path.removeprefix(f"{site}/").removesuffix(".html") for link in await tab.run(links)]
    print(words, at[:8])
    late = [name.startswith(LAST) for name in at]
    assert at[0].startswith(SEARCHED[words]) and not late[0]
    assert late == sorted(late) and any(late)


@browsed
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("width", [1280, 420])
@pytest.mark.parametrize("dark", [False, True])
async def test_axe_finds_nothing_and_no_page_is_wider_than_its_screen(
    tab: Tab, site: Path, dark: bool, width: int
) -> None:
    """Served, since axe reads style sheets anew."""
    application = aiohttp.web.Application()
    application.router.add_static("/", site)
    await tab.look(width=width, dark=dark)
    async with TestServer(application) as server:
        for name in LOOKED_AT:
            await tab.open(str(server.make_url(f"/{name}.html")))
            assert not await tab.axe(), name
            assert await tab.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
