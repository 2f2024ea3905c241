"""Pages of a website as they are read, and what a run over them leaves in the index."""

from __future__ import annotations

from hashed import HashedEmbeddings

from chains.collection_generations import active_collection
from chains.edge import EdgeClient
from chains.ingest import ingest, target_of
from chains.ingest.options import IngestOptions
from chains.ingest.page import Page
from chains.ingest.report import IndexReport
from chains.ingest.website import Website
from chains.settings import ChainSettings

OPTIONS = IngestOptions(delay=0)


def read(*addresses: str) -> list[Page]:
    return [page for unread in Website(addresses, 0).unread() if (page := unread.read())]


def index(source: str, client: EdgeClient, options: IngestOptions = OPTIONS) -> IndexReport:
    return ingest(source, target_of(source, ChainSettings.load(), client, HashedEmbeddings()), options)


def addresses(client: EdgeClient) -> set[str]:
    records, _ = client.scroll(active_collection(client, "docusaurus-book"), limit=1_000)
    return {record.payload["metadata"]["url"] for record in records if record.payload}
