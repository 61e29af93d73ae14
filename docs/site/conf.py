"""The site is what the Markdown pages say: `make site` builds it, and every page is found from a page called README.md.

Sphinx reads this file. Its sources are the pages as they stand in the repository, so their links work on a forge and on the site. A table
of contents is not written anywhere: what a README.md links to in a section is that section of the navigation.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any, Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]

project = "Shardpay"
root_doc = "docs/README"
include_patterns = ["docs/**.md", "*.md"]
exclude_patterns = [".*", "README.md", "build", "*/__pycache__"]
extensions = ["myst_parser"]
myst_heading_anchors = 6
"""As deep as headings go: a forge makes an anchor of each."""
highlight_language = "none"
smartquotes = False

html_theme = "furo"
html_title = "Shardpay"
html_favicon = "../../switch/console/static/mark.svg"
html_static_path = ["static"]
html_js_files = ["offline.js"]
html_css_files = ["site.css"]
html_extra_path = ["pages"]
html_copy_source = False
html_show_copyright = False
html_use_index = False
html_search_scorer = str(HERE / "search.js")

_SECTION: Final = re.compile(r"^## +(.*?) *$", re.MULTILINE)
_MENDED: Final = (
    ('role="heading"', 'role="heading" aria-level="2"'),
    ('<aside class="sidebar-drawer', '<aside aria-label="Pages" class="sidebar-drawer'),
    ('<aside class="toc-drawer', '<aside aria-label="On this page" class="toc-drawer'),
    ('<div class="highlight"><pre>', '<div class="highlight"><pre tabindex="0">'),
    ('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
)
"""What the theme leaves out for those who see no page or have no mouse: names of regions, and a way to scroll."""
_LARGE: Final = ("decisions",)
"""Folders of so many pages that a list of them beside each page shows nobody the way."""
_SHARED: Final[dict[PurePosixPath, str]] = {}
"""The sidebar of each of them."""
_PAGE: Final = re.compile(r"\]\(([\w./-]+)\.md\)")


def contents(name: str, text: str) -> str:
    """The tables of contents of a README.md, one a section, each page at its first place. `name` is its path without `.md`. What lies
    outside its folder is a matter of the home page."""
    folder = PurePosixPath(name).parent
    heads = ["", *_SECTION.findall(text)]
    placed: set[str] = set()
    written = []
    for head, section in zip(heads, _SECTION.split(text)[::2], strict=True):
        pages = [
            page
            for page in dict.fromkeys(_PAGE.findall(section))
            if page not in placed and (name == root_doc or ".." not in page)
        ]
        placed.update(pages)
        if pages:
            caption = [f":caption: {head}"] if head else []
            entries = ["/" + (ROOT / folder / page).resolve().relative_to(ROOT).as_posix() for page in pages]
            written.append("\n".join(["```{toctree}", ":hidden:", ":titlesonly:", *caption, "", *entries, "```"]))
    return "\n\n".join(written)


def _add_contents(app: Any, name: str, source: list[str]) -> None:
    """On `source-read`: Sphinx takes the page's text out of a list of one."""
    if PurePosixPath(name).name == "README":
        source[0] += f"\n\n{contents(name, source[0])}\n"


def _fold_contents(app: Any, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """On `html-page-context`, before the theme asks: pages of another branch stand only there, and those of a large folder only on its
    README.md, so that the others of it have one sidebar, which is made once. All this takes two thirds off the build."""
    if "toctree" not in context:
        return
    whole, page = context["toctree"], PurePosixPath(name)

    def folded(**asked: Any) -> str:
        if page.parent.name not in _LARGE or page.name == "README":
            return str(whole(**{**asked, "collapse": True}))
        if page.parent not in _SHARED:
            _SHARED[page.parent] = whole(**{**asked, "collapse": True, "maxdepth": 1})
        return _SHARED[page.parent]

    context["toctree"] = folded


def _mend(app: Any, failure: Exception | None) -> None:
    """On `build-finished`. Pages of a build before stay as they are."""
    for path in () if failure else Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if not any(meant in text for _, meant in _MENDED):
            for written, meant in _MENDED:
                text = text.replace(written, meant)
            path.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _add_contents)
    app.connect("html-page-context", _fold_contents, priority=400)
    app.connect("build-finished", _mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
