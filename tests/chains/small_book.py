"""A book of eight chunks on four pages, as ingest would write it."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from chains.collection import Bm25Sparse, Client, Fingerprint, create_collection, vector_store
from chains.providers import PinnedEmbeddings

NAME = "book"

SECTIONS = [
    ("install.md", "Install > Requirements", "The robot controller needs Ubuntu 24.04 and 8 GB of memory."),
    ("install.md", "Install > Steps", "Run `sudo apt install armctl`, then reboot the controller once."),
    ("limits.md", "Torque limits", "Every joint has a torque limit of 12 Nm. It is set by `--max-torque` in armctl."),
    ("limits.md", "Torque limits > Reset", "Run `armctl limits reset` to go back to the limits of the factory."),
    ("telemetry.md", "Telemetry > Enable", "Enable telemetry with `armctl telemetry on`. Data goes to port 4317."),
    ("telemetry.md", "Telemetry > Disable", "To undo that, run `armctl telemetry off`. Nothing is kept."),
    ("camera.md", "Camera > Calibration", "Hold the chessboard at five angles; calibration then takes two minutes."),
    ("camera.md", "Camera > Exposure", "Exposure is automatic. Fix it with `exposure: 20` in camera.yaml."),
]


def chunk_id(ordinal: int) -> str:
    return str(uuid5(NAMESPACE_URL, f"small book {ordinal}"))


def fingerprint(embeddings: PinnedEmbeddings) -> Fingerprint:
    sparse = Bm25Sparse()
    return Fingerprint(embeddings.identity, embeddings.dimensions, embeddings.prefix, sparse.identity, "small book")


def fill(client: Client, embeddings: PinnedEmbeddings, name: str = NAME) -> None:
    create_collection(client, name, fingerprint(embeddings))
    vector_store(client, name, embeddings).add_texts(
        [f"{heading}\n\n{text}" for _, heading, text in SECTIONS],
        [_metadata(ordinal, page, heading) for ordinal, (page, heading, _) in enumerate(SECTIONS)],
        ids=[chunk_id(ordinal) for ordinal in range(len(SECTIONS))],
    )


def _metadata(ordinal: int, page: str, heading: str) -> dict[str, str | int]:
    page_url = "/docs/" + page.removesuffix(".md")
    anchor = heading.split(" > ")[-1].lower().replace(" ", "-")
    return {
        "chunk_id": chunk_id(ordinal),
        "page": page,
        "page_url": page_url,
        "url": f"{page_url}#{anchor}",
        "title": heading.split(" > ")[0],
        "heading": heading,
        "anchor": anchor,
        "page_hash": f"hash of {page}",
        "ordinal": ordinal,
        "version": "current",
        "language": "en",
    }
