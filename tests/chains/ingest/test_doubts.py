"""Pages that may not be gone, and what a run that died has left of those that changed since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from folder import counts, write
from small_runs import Dying, Interrupted, a_page, run, texts

from chains.edge import EdgeClient
from chains.ingest.errors import IngestError
from chains.ingest.page import Unread
from chains.ingest.target import in_groups


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return write(tmp_path / "docs", {f"page-{number}.md": a_page(number) for number in range(5)})


@pytest.mark.parametrize("rebuild", [False, True])
def test_look_says_what_would_be_refused(docs: Path, client: EdgeClient, rebuild: bool) -> None:
    run(docs, client)
    for number in range(3):
        (docs / f"page-{number}.md").unlink()
    report = run(docs, client, dry_run=True, rebuild=rebuild)
    assert "Only 2 pages were found, and 5 are indexed" in report.doubt
    assert "Refused without --delete-most: Only 2" in str(report)
    assert run(docs, client, dry_run=True, rebuild=rebuild, delete_most=True).doubt == ""


def test_folder_of_another_site_deletes_nothing(client: EdgeClient, tmp_path: Path) -> None:
    """Its pages have paths of their own, and so all of the first site's seem to be gone."""
    for name in ("one", "two"):
        write(tmp_path / name, {"docusaurus.config.js": f"module.exports = {{presets: ['classic'], url: 'https://{name}.org'}}",
                                "docs/intro.md": a_page(0, name), f"docs/{name}.md": a_page(1, name),
                                f"docs/{name}-more.md": a_page(2, name)})  # fmt: skip
    run(tmp_path / "one/docs", client)
    with pytest.raises(IngestError, match=r"are of one\.org .* these are of two\.org.* QDRANT_COLLECTION"):
        run(tmp_path / "two/docs", client)
    assert run(tmp_path / "two/docs", client, delete_most=True).deleted == 2
    (tmp_path / "two/docusaurus.config.js").write_text(
        "module.exports = {presets: ['classic'], url: 'https://moved.org'}"
    )
    assert counts(run(tmp_path / "two/docs", client)) == (0, 3, 0, 0)


class DyingAtItsEnd(Dying):
    """When all is written, and before it takes the place of the old one."""

    def __getattr__(self, name: str) -> Any:
        if name == "update_collection_aliases":
            raise Interrupted(name)
        return getattr(self._client, name)


def test_rebuild_gone_on_with_has_nothing_of_what_changed_meanwhile(client: EdgeClient, tmp_path: Path) -> None:
    """Pages of another source, copied by a rebuild that died, changed before the next one."""
    site = write(tmp_path / "site", {"docusaurus.config.js": "module.exports = {presets: ['classic']}",
                                     "docs/in/a.md": a_page(0), "docs/b.md": a_page(1)})  # fmt: skip
    run(site / "docs", client)
    with pytest.raises(Interrupted):
        run(site / "docs/in", DyingAtItsEnd(client, 0), rebuild=True)  # type: ignore[arg-type]
    write(site, {"docs/b.md": a_page(1, "new")})
    run(site / "docs", client)
    run(site / "docs/in", client, rebuild=True)
    found = sorted(text.split("\n\n")[1][:8] for text in texts(client).values())
    assert found == sorted(["old text"] * 3 + ["new text"] * 3)


def test_pages_that_come_slowly_are_written_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    unread = [Unread(str(number), "", lambda: None) for number in range(250)]
    assert [len(group) for group in in_groups(iter(unread))] == [100, 100, 50]
    monkeypatch.setattr("chains.ingest.target.SLOW", -1.0)
    assert [len(group) for group in in_groups(iter(unread))] == [1] * 250
