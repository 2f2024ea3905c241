"""`docent serve | ingest | ask | eval | migrate-index | doctor | check | deploy`.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.commands.ingest_options import AsJson, ingest
from app.deploy.errors import DeployError
from app.logs import configure_logs
from app.redaction import redactor
from app.settings import Settings, require_what_is_chosen
from chains.data_dir import DataDirBusy
from chains.errors import DocentError, EmbeddedEngineError, EvaluationError, SearchFault, SettingsError
from chains.ingest.errors import IngestError

cli = typer.Typer(
    name="docent",
    help="Answers readers' questions from a documentation site or a book, with sources.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

cli.command()(ingest)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (HOST).")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port to listen on (PORT).")] = None,
    docs: Annotated[Path | None, typer.Option(help="Pages to index into the embedded engine first (DOCS).")] = None,
) -> None:
    """Serve the chat page and all routes."""
    from app.commands.serve import run

    run(settings_of(host=host, port=port, docs=docs))


@cli.command()
def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    conversation: Annotated[str | None, typer.Option(help="Id of a conversation to go on with.")] = None,
    token: Annotated[str | None, typer.Option(help="The visitor token of that conversation.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask one question, through a running service where one holds DATA_DIR, else in this process."""
    from app.commands.ask import run

    run(settings_of(), question, conversation=conversation, token=token, as_json=as_json)


@cli.command(name="eval")
def evaluate(  # noqa: PLR0913 - one argument an option
    questions: Annotated[Path, typer.Argument(help="A JSONL file of questions, or a folder in BEIR's layout.")],
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Set the gate's thresholds by these questions and keep them.")
    ] = False,
    generate: Annotated[
        int | None, typer.Option(min=1, help="Draft so many questions from your pages into this file.")
    ] = None,
    answers: Annotated[
        bool | None, typer.Option(help="Have every question answered, too. Usual with the local model, which is free.")
    ] = None,
    judge: Annotated[
        bool, typer.Option("--judge", help="Have answers judged by the chat model (needs ragas).")
    ] = False,
    against: Annotated[
        Path | None, typer.Option(help="Compare with a saved run, or with the settings in another .env file.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Keep this run, for --against.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report with plots.")] = None,
    gate: Annotated[Path | None, typer.Option(help="Fail when a metric falls below this baseline file.")] = None,
    write_baseline: Annotated[Path | None, typer.Option(help="Write what was measured as a baseline.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure retrieval and answers: ranking metrics, containment, citations, refusals, latency."""
    from app.commands.evaluate import Asking, Wanted, run

    asking = Asking(questions, answers, judge, calibrate, generate)
    run(settings_of(), asking, Wanted(against, save, report, gate, write_baseline), as_json=as_json)


@cli.command(name="migrate-index")
def migrate_index(as_json: AsJson = False) -> None:
    """Copy the embedded index to the Qdrant at QDRANT_URL, without embedding again."""
    from app.commands.migrate_index import run

    run(settings_of(), as_json=as_json)


@cli.command()
def doctor(
    frontend: Annotated[str | None, typer.Option(help="Address of your site: tries what its browsers ask.")] = None,
    service: Annotated[str | None, typer.Option(help="Address of a running Docent to try that on.")] = None,
    dockerfile: Annotated[Path | None, typer.Option(help="A Dockerfile for a Hugging Face Space.")] = None,
    site: Annotated[Path | None, typer.Option(help="A site's sources, searched for process.env.")] = None,
    as_json: AsJson = False,
) -> None:
    """Try every configured service once, and look for the usual mistakes; each with its remedy."""
    from app.commands.doctor import run
    from app.doctor.examination import Scope

    run(Scope(frontend, service, dockerfile, site), as_json=as_json)


@cli.command()
def check(  # noqa: PLR0913 - one argument for each option
    url: Annotated[str, typer.Argument(help="Address of a deployed Docent.")],
    frontend: Annotated[list[str] | None, typer.Option(help="A site that may ask; again for each other one.")] = None,
    question: Annotated[list[str] | None, typer.Option(help="What to ask; without it, headings of the pages.")] = None,
    max_seconds: Annotated[float, typer.Option(min=0, help="What the median whole answer may take.")] = 3.0,
    turns: Annotated[int, typer.Option(min=1, max=500, help="Questions of the load.")] = 16,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="How many of them at a time.")] = 4,
    report: Annotated[Path | None, typer.Option(help="Write a page with pictures here.")] = None,
    private: Annotated[bool, typer.Option("--private", help="A private Space of yours: show it HF_TOKEN.")] = False,
    as_json: AsJson = False,
) -> None:
    """Test a deployed service: every route, the WebSocket, history, health, your site's preflight, a small load."""
    from app.check.checking import Wish
    from app.commands.check import Output, run

    settings, _ = Settings.examine()
    said = settings.origins if "allowed_origins" in settings.model_fields_set and "*" not in settings.origins else []
    origins = list(dict.fromkeys([*(frontend or []), *said]))
    wish = Wish(url, origins, question or (), turns, at_once, settings.hf_token if private else None)
    run(wish, Output(report, max_seconds, as_json))


@cli.command()
def deploy(  # noqa: PLR0913 - one argument for each option
    space: Annotated[str | None, typer.Option(help="USER/NAME of the Hugging Face Space.")] = None,
    frontend: Annotated[str | None, typer.Option(help="Address of your site, which may then ask questions.")] = None,
    docs: Annotated[Path | None, typer.Option(help="Folder of pages to index.")] = None,
    private: Annotated[bool | None, typer.Option("--private/--public", help="Who may see the Space.")] = None,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Do without keys and accounts that are missing.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Go back to the previous revision.")] = False,
    export: Annotated[Path | None, typer.Option(help="Write the files into this folder instead of uploading.")] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for build and start.")] = 1800,
    as_json: AsJson = False,
) -> None:
    """Create or update a Hugging Face Space: files, secrets and variables; then wait until it is healthy."""
    from app.commands.deploy import run, run_export
    from app.deploy.deployment import Wanted

    if export is not None:
        run_export(export, docs)
        return
    if space is None:
        raise SettingsError("Name the Space with --space USER/NAME, or a folder with --export.")
    run(Wanted(space, frontend, docs, private, embedded, dry_run, timeout), rollback=rollback, as_json=as_json)


def settings_of(**overrides: object) -> Settings:
    settings = Settings.load(**{name: value for name, value in overrides.items() if value is not None})
    configure_logs(settings)
    require_what_is_chosen(settings)
    return settings


def main() -> None:
    """Run the command; a known failure is one sentence on standard error, not a traceback."""
    try:
        cli()
    except SettingsError as error:
        _fail(error, 2)
    except (
        DataDirBusy,
        DeployError,
        DocentError,
        EmbeddedEngineError,
        EvaluationError,
        IngestError,
        SearchFault,
    ) as error:
        _fail(error, 1)


def _fail(error: Exception, code: int) -> None:
    print(redactor.clean(f"docent: {error}"), file=sys.stderr)  # noqa: T201 - for a person at a terminal, not for the log
    raise SystemExit(code)
