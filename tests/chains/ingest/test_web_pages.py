"""Pages under several addresses, in odd letters and places, from hosts that fail; sitemaps of every kind."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from web_index import OPTIONS, addresses, index, read
from website_double import Answer, SiteDouble, website

from chains.edge import EdgeClient
from chains.ingest.errors import IngestError
from chains.ingest.sources import open_source
from chains.ingest.website import Website


def test_page_with_several_addresses_comes_once(site: SiteDouble) -> None:
    site.sitemap("/a", "/a/", "/a?from=mail", "/a/index.html", "/a#part", "/old", "/b", "/b/")
    for path in ("/a", "/a/", "/a?from=mail", "/a/index.html"):
        site.page(path, "<main><h1>A</h1><p>Text.</p></main>")
    site.redirect("/old", "/a")
    for number, path in enumerate(("/b", "/b/")):
        site.page(path, f"<main><h1>B</h1><p>Visit {number}.</p></main>", '<link rel="canonical" href="/b/">')
    assert [page.path for page in read(f"{site.origin}/sitemap.xml")] == [f"{site.origin}/a", f"{site.origin}/b/"]


@pytest.mark.parametrize("charset", ["", "; charset=iso-8859-1", "; charset=nonsense", '; CHARSET="UTF-8"'])
def test_letters_are_right_whatever_the_server_says_of_them(site: SiteDouble, charset: str) -> None:
    body = "<main><h1>Häuser</h1><p>Grüße, naïve 你好</p></main>".encode()
    site.pages["/a"] = Answer(body, headers={"Content-Type": f"text/html{charset}"})
    (page,) = read(f"{site.origin}/a")
    assert (page.title, page.sections[0].blocks[0].text) == ("Häuser", "Grüße, naïve 你好")


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ("<main><article><p>One.</p></article><article><p>Two.</p></article></main>", ["One.", "Two."]),
        ("<article></article><main><p>Text.</p></main>", ["Text."]),
        ("<div role=navigation>Menu</div><div class='left sidebar'>Side</div><p>Text.</p><div id=footer>F</div>",
         ["Text."]),
        ("<div id=toc><h1>T</h1><p>Text.</p></div>", ["Text."]),
        ("<!-- only a remark -->", []),
        ("<link rel=canonical href='http://[x'><main>Text.</main>", ["Text."]),
    ],
)  # fmt: skip
def test_main_text_is_where_most_of_it_stands(site: SiteDouble, body: str, texts: list[str]) -> None:
    site.pages["/a"] = Answer(body.encode())
    found = [block.text for page in read(f"{site.origin}/a") for section in page.sections for block in section.blocks]
    assert found == texts


def test_host_that_cannot_say_what_it_allows_loses_no_page(
    site: SiteDouble, client: EdgeClient, tmp_path: Path
) -> None:
    listed = tmp_path / "pages.txt"
    with website() as other:
        for origin in (site, other):
            origin.page("/a", "<main><p>Text.</p></main>")
        listed.write_text(f"{site.origin}/a\n{other.origin}/a\n")
        assert index(str(listed), client).added == 2
        other.pages["/robots.txt"] = Answer(status=503)
        assert (report := index(str(listed), client)).deleted == 0
        assert report.failed == 1
        del other.pages["/robots.txt"]
        other.pages["/a"] = Answer(b" ")
        assert (index(str(listed), client).failed, len(addresses(client))) == (1, 2)


def test_list_that_shrinks_to_one_page_loses_the_others(site: SiteDouble, client: EdgeClient, tmp_path: Path) -> None:
    listed = tmp_path / "pages.txt"
    for path in ("/a", "/b"):
        site.page(path, f"<main><p>Text of {path}.</p></main>")
    listed.write_text(f"{site.origin}/a\n{site.origin}/b\n")
    index(str(listed), client)
    listed.write_text(f"{site.origin}/a\n")
    assert index(str(listed), client).deleted == 1


def test_sites_below_one_host_leave_each_other_alone(site: SiteDouble, client: EdgeClient) -> None:
    for name in ("one", "two"):
        site.text(f"/{name}/sitemap.xml", f"<urlset><url><loc>HOST/{name}/a</loc></url></urlset>", "application/xml")
        site.page(f"/{name}/a", f"<main><p>Text of {name}.</p></main>")
        site.page(f"/{name}/", "<main><p>Front.</p></main>")
    assert [index(f"{site.origin}/{name}/", client).deleted for name in ("one", "two", "one")] == [0, 0, 0]
    assert addresses(client) == {f"{site.origin}/one/a", f"{site.origin}/two/a"}


def test_sitemaps_may_be_files_texts_or_packed_twice(site: SiteDouble, tmp_path: Path) -> None:
    site.page("/a", "<main><p>Text.</p></main>")
    listed = f"<urlset><url><loc>{site.origin}/a</loc></url></urlset>"
    (tmp_path / "sitemap.xml").write_text(listed)
    packed = {"Content-Type": "application/xml", "Content-Encoding": "gzip"}
    site.pages["/twice.xml.gz"] = Answer(gzip.compress(gzip.compress(listed.encode())), headers=packed)
    site.pages["/plain.xml.gz"] = Answer(listed.encode(), headers={"Content-Type": "application/xml"})
    site.text("/sitemap.txt", "HOST/a\n")
    named = [str(tmp_path / "sitemap.xml"), *(f"{site.origin}/{name}" for name in ("twice.xml.gz", "plain.xml.gz"))]
    for source in (*named, f"{site.origin}/sitemap.txt"):
        assert [unread.path for unread in open_source(source, OPTIONS).unread()] == [f"{site.origin}/a"], source


def test_answers_that_are_no_sitemap_end_the_run(site: SiteDouble) -> None:
    """They would be taken for one without pages, and everything deleted."""
    packed = gzip.compress(b"<urlset></urlset>")[:-9]
    site.page("/sitemap.xml", "<main>Sorry, there is no such page</main>")
    site.pages["/cut.xml.gz"] = Answer(packed)
    site.text("/index.xml", "<sitemapindex><sitemap><loc>HOST/sitemap.xml</loc></sitemap></sitemapindex>")
    site.text("/other.xml", "<urlset><url><loc>https://elsewhere.org/y</loc></url></urlset>")
    told = {"sitemap.xml": "neither a sitemap", "cut.xml.gz": "cut short", "index.xml": "not a sitemap",
            "other.xml": "elsewhere.org"}  # fmt: skip
    for name, reason in told.items():
        with pytest.raises(IngestError, match=reason):
            Website([f"{site.origin}/{name}"], 0).total()
