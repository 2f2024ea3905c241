"""A website on the loopback, that can also fail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/html; charset=utf-8"})


@dataclass
class SiteDouble:
    """`pages` by path; `asked` is every path in order."""

    origin: str = ""
    pages: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def page(self, path: str, main: str, head: str = "", attributes: str = 'lang="en"') -> None:
        text = f"<!doctype html><html {attributes}><head>{head}</head><body><nav>Menu</nav>{main}</body></html>"
        self.pages[path] = Answer(text.encode())

    def text(self, path: str, text: str, kind: str = "text/plain") -> None:
        self.pages[path] = Answer(text.replace("HOST", self.origin).encode(), headers={"Content-Type": kind})

    def redirect(self, path: str, to: str) -> None:
        self.pages[path] = Answer(status=302, headers={"Location": to})

    def sitemap(self, *paths: str) -> None:
        listed = "".join(f"<url><loc>{self.origin}{path}</loc></url>" for path in paths)
        space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
        self.text("/sitemap.xml", f'<?xml version="1.0"?><urlset {space}>{listed}</urlset>', "application/xml")


@contextmanager
def website() -> Iterator[SiteDouble]:
    site = SiteDouble()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append(self.path)
            answer = site.pages.get(self.path, Answer(status=404))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()
