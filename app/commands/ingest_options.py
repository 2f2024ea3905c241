"""The options of `docent ingest`."""

from __future__ import annotations

from typing import Annotated

import typer

Source = Annotated[
    str | None,
    typer.Argument(help="A folder of Docusaurus pages or Markdown, a PDF, an address, a list of them; else DOCS."),
]
Slash = Annotated[
    bool | None, typer.Option("--trailing-slash/--no-trailing-slash", help="Whether addresses end in a slash.")
]
Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Fill a new collection beside the old one, then let it take its place.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]


def ingest(  # noqa: PLR0913 - each is an option of the command
    source: Source = None,
    site_url: Annotated[str | None, typer.Option(help="Address of the site; wins over its configuration.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Path of the site on its host, such as /book/.")] = None,
    route_base_path: Annotated[str | None, typer.Option(help="Path of the docs on the site, such as /docs.")] = None,
    trailing_slash: Slash = None,
    versions: Annotated[str, typer.Option(help="latest, all, or names of versions separated by commas.")] = "latest",
    languages: Annotated[str, typer.Option(help="all, or languages separated by commas.")] = "all",
    untranslated: Annotated[
        bool, typer.Option("--untranslated", help="Also the copies in other languages of pages that nobody translated.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    rebuild: Rebuild = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Go back to the collection of before the last rebuild.")
    ] = False,
    delete_most: Annotated[
        bool, typer.Option("--delete-most", help="Delete also when most of the indexed pages are not found again.")
    ] = False,
    delay: Annotated[float, typer.Option(min=0, max=60, help="Seconds between two requests to a website.")] = 0.25,
    as_json: AsJson = False,
) -> None:
    """Bring the index up to date with pages: only what changed is done, and what is gone is deleted."""
    from app.cli import settings_of
    from app.commands.ingest import run, run_rollback
    from chains.ingest.options import IngestOptions, Overrides, Selection

    settings = settings_of(site_url=site_url, route_base_path=route_base_path)
    if rollback:
        run_rollback(settings, as_json=as_json)
        return
    overrides = Overrides(settings.site_url, settings.route_base_path, trailing_slash, base_url)
    selection = Selection(versions, languages, untranslated)
    options = IngestOptions(selection, overrides, dry_run, rebuild, delete_most, delay)
    run(settings, source or str(settings.docs), options, as_json=as_json)
