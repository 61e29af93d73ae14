"""A server that answers listings as S3 does, of keys that a server on a file system cannot have."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlparse
from xml.sax.saxutils import escape

import pytest

OBJECT = (
    '<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"x"</ETag>'
    "<Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


def listing(keys: dict[str, int], prefix: str, delimiter: str) -> str:
    """Keys below a prefix and their sizes; with a delimiter those behind the next one as common prefixes."""
    objects, folders = "", dict[str, None]()
    for key, size in keys.items():
        rest = key.removeprefix(prefix)
        if not key.startswith(prefix):
            continue
        if delimiter and delimiter in rest:
            folders[prefix + rest.partition(delimiter)[0] + delimiter] = None
        else:
            objects += OBJECT.format(escape(key), size)
    common = "".join(f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in folders)
    about = f"<Name>bucket</Name><Prefix>{escape(prefix)}</Prefix><IsTruncated>false</IsTruncated>"
    return f'<?xml version="1.0"?><ListBucketResult>{about}{objects}{common}</ListBucketResult>'


@contextmanager
def bucket_of(keys: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While it answers, the environment names it. There is nothing but the listing: every object is said not to be there."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

        def do_GET(self) -> None:
            asked = parse_qs(urlparse(self.path).query)
            body = listing(keys, asked.get("prefix", [""])[0], asked.get("delimiter", [""])[0]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.send_response(404)
            self.end_headers()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
        for name, value in {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}", **credentials}.items():
            monkeypatch.setenv(name, value)
        yield
        server.shutdown()
        thread.join()
