"""From a view to HTML: templates, how money and times are written, what a browser may do with it."""

import hashlib
import uuid
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from rules.vocabulary.currencies import DECIMALS
from switch.fairness.scheduling import Steps
from switch.http.times import now_ms

STEP_PARTS: Final = 64
"""Parts of a page made in one step: some 50 microseconds."""
TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Nothing but our own files, no inline script or style, in no frame. `same-origin` and not `no-referrer`: that would send forms with the
Origin null."""

_MINUS: Final = "\N{MINUS SIGN}"
_NARROW: Final = "\N{NARROW NO-BREAK SPACE}"


class Asset(msgspec.Struct, frozen=True):
    """A file that pages load, and a name for what is in it."""

    body: bytes
    content_type: str
    version: str


def load_assets() -> dict[str, Asset]:
    """By name: all of static/, read once."""
    assets = {}
    for path in files("switch.console").joinpath("static").iterdir():
        body = path.read_bytes()
        kind = TYPES[path.name.rpartition(".")[2]]
        assets[path.name] = Asset(body, kind, hashlib.sha256(body).hexdigest()[:12])
    return assets


def environment(assets: Mapping[str, Asset]) -> Environment:
    """The templates. A name that a view does not have is a fault, not an empty place."""
    made = Environment(
        loader=PackageLoader("switch.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "money": money,
        "number": number,
        "counted": counted,
        "when": when,
        "words": words,
        "short": short_id,
        "seconds": seconds,
        "bytes": size,
        "share": share,
        "figure": figure,
        "measured": measured,
        "data": data,
        "indented": indented,
    }
    made.globals["asset"] = lambda name: f"/console/assets/{name}?v={assets[name].version}"
    made.globals["new_key"] = lambda: str(uuid.uuid4())
    made.globals["made_at"] = now_ms
    return made


def rendered(template: Template, values: Mapping[str, Any]) -> Steps[bytes]:
    """A page, in steps: payments do not wait for it."""
    parts = []
    for i, part in enumerate(template.generate(values)):
        parts.append(part)
        if i % STEP_PARTS == STEP_PARTS - 1:
            yield
    yield
    return "".join(parts).encode()


# How things are written.


def money(amount: int | None, currency: str, sign: bool = False) -> str:
    """Minor units as people write them: 1 234.50; without the currency."""
    if amount is None:
        return "\N{EM DASH}"
    decimals = DECIMALS.get(currency) or 0
    whole, part = divmod(abs(amount), 10**decimals)
    text = f"{whole:,}".replace(",", _NARROW) + (f".{part:0{decimals}}" if decimals else "")
    return (_MINUS if amount < 0 else "+" if sign and amount else "") + text


def number(value: float | None) -> str:
    """A count with its thousands apart."""
    return "\N{EM DASH}" if value is None else f"{value:,}".replace(",", _NARROW).replace("-", _MINUS)


def counted(value: int, one: str, many: str | None = None) -> str:
    """`1 payment`, `12 000 payments`. `many`: what more than one are, where that is not `one` and an s."""
    return f"{number(value)} {one if value == 1 else many or f'{one}s'}"


def when(text: str | None) -> Markup:
    """A time of the API, for people: to the millisecond, in UTC as everywhere."""
    if not text:
        return Markup("\N{EM DASH}")
    day, _, rest = text.partition("T")
    of_day = rest.removesuffix("Z").removesuffix("+00:00")
    return Markup('<time datetime="{}"><span class="day">{}</span> {}</time>').format(text, day, of_day)


def words(name: str) -> str:
    """A name of the API as words: in_review, transfer.posted."""
    return name.replace("_", " ").replace(".", " ")


def short_id(identity: str) -> str:
    """What tells one id from another at a glance: its end is made of the secret, its beginning is much the same everywhere."""
    return f"\N{HORIZONTAL ELLIPSIS}{identity[-12:]}" if len(identity) == 36 else identity


def seconds(value: float | None) -> str:
    """A latency: 0.84 ms, 12 ms, 1.2 s."""
    if value is None:
        return "\N{EM DASH}"
    if value >= 1:
        return f"{value:.1f} s"
    thousandths = value * 1000
    return (
        f"{thousandths:.2f} ms"
        if thousandths < 1
        else f"{thousandths:.1f} ms"
        if thousandths < 10
        else f"{thousandths:.0f} ms"
    )


def size(value: int) -> str:
    """Bytes in the largest unit of which there is one: 812 MB, 41.3 GB."""
    if value >= 10**9:
        return f"{value / 10**9:.1f} GB"
    return f"{value / 10**6:.0f} MB" if value >= 10**6 else f"{value / 10**3:.0f} kB"


def share(value: float) -> str:
    """A ratio in per cent."""
    return f"{value * 100:.1f} %" if 0 < value < 0.1 else f"{value * 100:.0f} %"


def figure(value: float | None) -> str:
    """A measured value to three digits, or whole."""
    if value is None:
        return "\N{EM DASH}"
    return number(round(value)) if abs(value) >= 100 else f"{value:.3g}".replace("-", _MINUS)


_PER: Final = {"s": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6}
_BYTES: Final = {"bytes": 1, "peak_bytes": 1, "MB": 10**6}


def measured(value: float | None, unit: str) -> str:
    """A measured value with its unit, as people say it: 7 033 payments/s, 16.1 ms, 1.2 GB, 0.931 AUC."""
    if value is None:
        return "\N{EM DASH}"
    if unit in _PER and value >= 0:
        return seconds(value * _PER[unit])
    if unit in _BYTES and value >= 1_000 / _BYTES[unit]:
        return size(round(value * _BYTES[unit]))
    if unit == "share":
        return share(value)
    return f"{figure(value)}\N{MULTIPLICATION SIGN}" if unit == "x" else f"{figure(value)} {unit}"


def indented(value: Any) -> str:
    """JSON for people."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def data(value: Any) -> Markup:
    """JSON for a script of ours to read, inside a script element that no browser runs."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
