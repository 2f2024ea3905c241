"""Pages of a website: what is read, what is left, and what is never asked."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path

import pytest
from web_index import OPTIONS, addresses, index, read
from website_double import Answer, SiteDouble, website

from chains.edge import EdgeClient
from chains.ingest.errors import IngestError
from chains.ingest.fetching import Fetcher, FetchFailed
from chains.ingest.options import IngestOptions
from chains.ingest.sources import open_source
from chains.ingest.website import Website


def test_sitemap_leads_to_its_pages_and_main_texts(site: SiteDouble) -> None:
    site.sitemap("/docs/a", "/docs/b")
    site.page("/docs/a", "<main><h1>A</h1><p>First <b>text</b>.</p><h2 id='two'>Two</h2><p>Second.</p></main><footer>F")
    site.page("/docs/b", "<article><h1>B</h1><p>Other.</p></article>")
    first, second = read(f"{site.origin}/sitemap.xml")
    assert (first.title, first.url, first.path) == ("A", f"{site.origin}/docs/a", f"{site.origin}/docs/a")
    told = [(section.path, section.anchor, [block.text for block in section.blocks]) for section in first.sections]
    assert told == [(("A",), "", ["First text."]), (("A", "Two"), "two", ["Second."])]
    assert second.title == "B"
    assert all("Menu" not in block.text for section in first.sections for block in section.blocks)


def test_front_page_leads_to_the_sitemap_that_robots_names(site: SiteDouble) -> None:
    site.text("/robots.txt", "User-agent: *\nSitemap: HOST/maps/index.xml\n")
    site.text("/maps/index.xml", "<sitemapindex><sitemap><loc>HOST/maps/one.xml.gz</loc></sitemap></sitemapindex>")
    one = f"<urlset><url><loc>{site.origin}/x</loc></url><url><loc>https://elsewhere.org/y</loc></url></urlset>"
    site.pages["/maps/one.xml.gz"] = Answer(gzip.compress(one.encode()), headers={"Content-Type": "application/gzip"})
    site.page("/", "<main>Front</main>")
    assert Website([f"{site.origin}/"], 0).addresses == [f"{site.origin}/x"]


def test_closed_and_hidden_pages_are_not_read(site: SiteDouble) -> None:
    site.text("/robots.txt", "User-agent: *\nDisallow: /private/\nAllow: /private/open\n")
    site.sitemap("/private/a", "/private/open", "/noindex", "/tags")
    site.page("/private/a", "<main>Secret</main>")
    site.page("/private/open", "<main><h1>Open</h1><p>Yes.</p></main>")
    site.page("/noindex", "<main><p>No.</p></main>", '<meta name="robots" content="noindex, follow">')
    site.page("/tags", "<main><p>Tags.</p></main>", attributes='class="docs-wrapper docs-tags-list-page"')
    assert [page.title for page in read(f"{site.origin}/sitemap.xml")] == ["Open"]
    assert "/private/a" not in site.asked


def test_site_whose_robots_fail_is_not_read(site: SiteDouble) -> None:
    site.pages["/robots.txt"] = Answer(status=503)
    site.sitemap("/a")
    with pytest.raises(IngestError, match="robots"):
        Website([f"{site.origin}/sitemap.xml"], 0).total()
    assert site.asked == ["/robots.txt"]


def test_gone_pages_go_and_failing_ones_stay(site: SiteDouble, client: EdgeClient) -> None:
    site.sitemap("/a", "/b", "/c", "/d")
    for name in "abcd":
        site.page(f"/{name}", f"<main><h1>{name}</h1><p>Text {name}.</p></main>")
    source = f"{site.origin}/sitemap.xml"
    assert index(source, client).added == 4
    site.pages["/a"] = Answer(status=410)
    site.pages["/b"] = Answer(status=500)
    site.page("/c", "<main><h1>c</h1><p>New.</p></main>")
    report = index(source, client)
    assert (report.deleted, report.failed, report.updated, report.unchanged) == (1, 1, 1, 1)
    assert addresses(client) == {f"{site.origin}/{name}" for name in "bcd"}


def test_crawl_that_comes_back_mostly_empty_deletes_nothing(site: SiteDouble, client: EdgeClient) -> None:
    names = [f"/page-{number}" for number in range(10)]
    site.sitemap(*names)
    for name in names:
        site.page(name, f"<main><h1>{name}</h1><p>Text.</p></main>")
    source = f"{site.origin}/sitemap.xml"
    index(source, client)
    site.sitemap(*names[:3])
    with pytest.raises(IngestError, match=r"Only 3 pages were found, and 10 are indexed.*--delete-most"):
        index(source, client)
    assert len(addresses(client)) == 10
    assert index(source, client, IngestOptions(delay=0, delete_most=True)).deleted == 7
    assert len(addresses(client)) == 3


def test_one_page_touches_only_itself(site: SiteDouble, client: EdgeClient) -> None:
    site.sitemap("/a", "/b")
    for name in "ab":
        site.page(f"/{name}", f"<main><h1>{name}</h1><p>Text.</p></main>")
    index(f"{site.origin}/sitemap.xml", client)
    site.page("/a", "<main><h1>a</h1><p>Changed.</p></main>")
    report = index(f"{site.origin}/a", client)
    assert (report.updated, report.deleted) == (1, 0)
    assert len(addresses(client)) == 2


def test_list_of_addresses_is_read(site: SiteDouble, tmp_path: Path) -> None:
    for name in "ab":
        site.page(f"/{name}", f"<main><h1>{name}</h1><p>Text.</p></main>")
    listed = tmp_path / "pages.txt"
    listed.write_text(f"# mine\n{site.origin}/a\n\n{site.origin}/b\n")
    assert [unread.path for unread in open_source(str(listed), OPTIONS).unread()] == [
        f"{site.origin}/a",
        f"{site.origin}/b",
    ]
    listed.write_text("file:///etc/passwd\n")
    with pytest.raises(IngestError, match=r"pages\.txt:1: .*not a plain http"):
        open_source(str(listed), OPTIONS)


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest", "http://10.0.0.1/", "http://[::1]:9/", "file:///etc"]
)
def test_redirect_into_a_private_network_is_not_followed(site: SiteDouble, target: str) -> None:
    site.redirect("/a", target)
    with Fetcher([site.origin], 0) as fetcher, pytest.raises(FetchFailed):
        fetcher.fetch(f"{site.origin}/a")


def test_redirect_to_another_port_of_this_machine_is_not_followed(site: SiteDouble) -> None:
    with website() as inner:
        inner.page("/secret", "<main>Secret</main>")
        site.redirect("/a", f"{inner.origin}/secret")
        with Fetcher([site.origin], 0) as fetcher, pytest.raises(FetchFailed, match="private network"):
            fetcher.fetch(f"{site.origin}/a")
        assert inner.asked == []


def test_name_that_leads_to_a_private_address_is_not_asked(site: SiteDouble) -> None:
    port = site.origin.rpartition(":")[2]
    with Fetcher([], 0, lambda host, port: ["127.0.0.1"]) as fetcher, pytest.raises(FetchFailed, match="private"):
        fetcher.fetch(f"http://docs.example.org:{port}/a")
    assert site.asked == []


def test_stranger_may_name_no_private_address(site: SiteDouble) -> None:
    site.sitemap("/a")
    source = Website([f"{site.origin}/sitemap.xml"], 0, trusted=False)
    with pytest.raises(IngestError, match="private network"):
        source.total()
    assert site.asked == []


def test_answers_are_bounded(site: SiteDouble) -> None:
    site.pages["/bomb"] = Answer(
        gzip.compress(b"0" * 20_000_000), headers={"Content-Type": "text/html", "Content-Encoding": "gzip"}
    )
    site.redirect("/circle", "/circle")
    with Fetcher([site.origin], 0) as fetcher:
        with pytest.raises(FetchFailed, match="more than 8000000 bytes"):
            fetcher.fetch(f"{site.origin}/bomb")
        with pytest.raises(FetchFailed, match="redirects"):
            fetcher.fetch(f"{site.origin}/circle")


def test_sitemap_with_entities_reads_no_file(site: SiteDouble, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("/secret")
    entity = f'<!DOCTYPE u [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
    site.text("/sitemap.xml", f'<?xml version="1.0"?>{entity}<urlset><url><loc>HOST/a&x;</loc></url></urlset>')
    listed = Website([f"{site.origin}/sitemap.xml"], 0).addresses
    assert not [address for address in listed if "secret" in address]


def test_what_is_no_page_is_named(site: SiteDouble, caplog: pytest.LogCaptureFixture) -> None:
    site.sitemap("/data.json", "/a")
    site.text("/data.json", "{}", "application/json")
    site.page("/a", "<main><h1>A</h1><p>Text.</p></main>")
    with caplog.at_level(logging.WARNING):
        assert len(read(f"{site.origin}/sitemap.xml")) == 1
    assert "/data.json: application/json, not a page" in caplog.text


def test_requests_are_paced(site: SiteDouble) -> None:
    site.text("/robots.txt", "User-agent: *\nCrawl-delay: 7\n")
    site.page("/a", "<main>A</main>")
    slept: list[float] = []
    with Fetcher([site.origin], 0.25, sleep=slept.append) as fetcher:
        fetcher.fetch(f"{site.origin}/a")
        fetcher.fetch(f"{site.origin}/a")
    assert slept[0] == 0
    assert 6 < slept[1] <= 7
