"""`docent deploy`: says what it does line by line; what can be found out before a change is said before it."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from app.deploy.deployment import Deployment, Planned, Wanted, space_named
from app.deploy.ending import addresses, ending, lines_for_the_site
from app.deploy.errors import DeployError
from app.deploy.files import deployed_files, export
from app.deploy.preflight import require_docs, require_sound
from app.redaction import redactor
from app.settings import Settings
from app.stand_ins import StandIn
from chains.errors import SettingsError

PRODUCTION = {"environment": "production"}  # what a Space is, whatever this machine is


class Speaker:
    """Lines on standard output, or on standard error when one JSON object goes there."""

    def __init__(self, *, as_json: bool) -> None:
        self._out = sys.stderr if as_json else sys.stdout

    def __call__(self, line: str) -> None:
        print(redactor.clean(line), file=self._out, flush=True)


def run(wanted: Wanted, *, rollback: bool, as_json: bool) -> None:
    """Deploy, or go back by one revision, or say what would be done.

    Raises:
        SettingsError: a setting or an option is wrong or missing; nothing was changed.
        DeployError: the Hub refuses, the build fails, or the service is not healthy at the end.
    """
    for name in ("chains", "huggingface_hub"):  # what they would log is said here
        logging.getLogger(name).setLevel(logging.ERROR)
    say = Speaker(as_json=as_json)
    settings, problems = Settings.examine(**PRODUCTION)
    redactor.learn(settings.secrets)
    for line in [] if rollback else require_sound(settings, problems):
        say(f"Note        {line}")
    hub = _hub(settings, required=rollback or not wanted.dry_run, say=say)
    wanted = replace(wanted, space=space_named(wanted.space, hub))
    deployment = Deployment(wanted, hub, say)
    done = _roll_back(deployment, wanted, say) if rollback else _deploy(deployment, wanted, settings, say)
    if as_json:
        print(redactor.clean(json.dumps(done, indent=2)))  # noqa: T201


def _hub(settings: Settings, *, required: bool, say: Speaker) -> Any:
    """None without a token in a dry run. Imported late: the Hub's client takes half a second."""
    from app.deploy.errors import NEEDED
    from app.deploy.hub import Hub, hub_token

    token = hub_token(settings.hf_token)
    if token is not None:
        hub = Hub(token)
        hub.owner()
        return hub
    if required:
        raise DeployError(f"There is no HF_TOKEN and no stored login. {NEEDED}")
    say("Note        There is no HF_TOKEN: the Space is not looked at, and everything counts as new.")
    return None


def _deploy(deployment: Deployment, wanted: Wanted, settings: Settings, say: Speaker) -> dict[str, Any]:
    planned = deployment.prepare(settings, ask_for)
    say(f"Space       {wanted.space}, {deployment.address}")
    for line in planned.changes.lines():
        say(line)
    if not planned.changes.any:
        say("Unchanged   files, secrets and variables are as they should be")
    if wanted.private:
        say("Note        A private Space asks for a Hugging Face token: readers of a site cannot reach it.")
    if wanted.dry_run:
        _require_present(planned.absent)
        say("Dry run     nothing was changed")
        return _as_dict(deployment, wanted, planned, {})
    report = deployment.carry_out(planned, _index)
    _end(deployment, wanted, report, say)
    return _as_dict(deployment, wanted, planned, report)


def _end(deployment: Deployment, wanted: Wanted, report: dict[str, Any], say: Speaker) -> None:
    say("")
    for line in ending(deployment.address, _page(wanted)):
        say(line)
    if report.get("status") != "healthy":
        hint = " Index your pages: the same command with --docs PATH." if "missing_collection" in str(report) else ""
        raise DeployError(f"The service is {report.get('status')}, see above.{hint} `docent doctor` names the causes.")


def _page(wanted: Wanted) -> str:
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/spaces/{wanted.space}"


def _as_dict(deployment: Deployment, wanted: Wanted, planned: Planned, report: dict[str, Any]) -> dict[str, Any]:
    changes = planned.changes
    return {
        "space": wanted.space,
        "address": deployment.address,
        "dry_run": wanted.dry_run,
        "changed": changes.any,
        "files": {"all": list(planned.files), "uploaded": list(changes.new), "removed": changes.gone},
        "secrets": {"all": list(planned.values.secrets), "set": changes.secrets},
        "variables": {"all": list(planned.values.variables), "set": changes.variables},
        "health": report,
        "addresses": addresses(deployment.address, _page(wanted)),
        "lines_for_the_site": lines_for_the_site(deployment.address),
    }


def _roll_back(deployment: Deployment, wanted: Wanted, say: Speaker) -> dict[str, Any]:
    target, report = deployment.roll_back()
    if report is None:
        say(f"Dry run     would go back to {target[:8]}; nothing was changed")
    else:
        _end(deployment, wanted, report, say)
    return {"space": wanted.space, "revision": target, "dry_run": wanted.dry_run, "health": report}


def _index(settings: Settings, docs: Path) -> None:
    from app.commands.ingest import run as ingest
    from chains.ingest import options_of

    ingest(settings, str(docs), options_of(settings), as_json=False)


def ask_for(settings: Settings, absent: list[StandIn]) -> Settings:
    """Ask a person, without showing what is typed.

    Raises:
        SettingsError: nobody is there to be asked, or nothing was typed, or it is malformed.
    """
    if not sys.stdin.isatty():
        _require_present(absent)
    typed: dict[str, str] = {}
    for each in absent:
        answer = typer.prompt(f"{each.variable} (not shown)", hide_input=True, default="", show_default=False)
        typed[each.variable.lower()] = str(answer)
    _require_present([each for each in absent if not typed[each.variable.lower()].strip()])
    before = {name: getattr(settings, name) for name in settings.model_fields_set}
    asked, problems = Settings.examine(**{**before, **PRODUCTION, **typed})
    redactor.learn(asked.secrets)
    require_sound(asked, problems)
    return asked


def _require_present(absent: list[StandIn]) -> None:
    if absent:
        named = "\n".join(f"{each.variable} is missing: {each.says}. {each.remedy}" for each in absent)
        raise SettingsError(f"{named}\nSet them in the environment or in .env, or pass --embedded to do without.")


def run_export(folder: Path, docs: Path | None) -> None:
    """Write the files that `docent deploy` uploads, for the guide's `cp -r` and `git push`.

    Raises:
        DeployError: the folder holds something else.
        SettingsError: `docs` holds no page.
    """
    require_docs(docs)
    files = deployed_files(docs)
    export(files, folder)
    print(f"{len(files)} files in {folder}. Copy them into the clone of your Space: cp -r {folder}/* CLONE/")  # noqa: T201
