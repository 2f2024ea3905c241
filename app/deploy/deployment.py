"""One deployment from its settings to a healthy service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from app import __version__
from app.deploy.building import Build
from app.deploy.changes import Changes, apply, compare
from app.deploy.errors import NEEDED, DeployError
from app.deploy.files import deployed_files
from app.deploy.hub import NAME, Hub, SpaceState, address_of
from app.deploy.living import Service, services_of
from app.deploy.preflight import origins_for, require_docs, require_safe, warn_of_previews
from app.deploy.rollback import roll_back
from app.deploy.values import Values, missing, values_for
from app.settings import Settings
from app.stand_ins import StandIn
from chains.errors import SettingsError

AWAKE = 300.0  # seconds for a started container to answer; an embedded index is filled meanwhile
INDEXED = 120.0  # seconds for the service to see what was indexed

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What the options say. `docs`: pages to index; `private` None leaves an existing Space as it is."""

    space: str
    frontend: str | None = None
    docs: Path | None = None
    private: bool | None = None
    embedded: bool = False
    dry_run: bool = False
    timeout: float = 1800.0  # seconds for build and start


class Ask(Protocol):
    """Asks a person for what is missing and gives the settings with it; without a person it raises SettingsError."""

    def __call__(self, settings: Settings, absent: list[StandIn]) -> Settings: ...


@dataclass(frozen=True)
class Planned:
    """What a Space is to hold and to know, and what of that is new."""

    settings: Settings
    files: dict[str, bytes]
    values: Values
    changes: Changes
    absent: list[StandIn]


class Deployment:
    """`hub` None: nobody is asked, so that everything counts as new; good for a dry run."""

    def __init__(self, wanted: Wanted, hub: Hub | None, say: Say) -> None:
        self._wanted = wanted
        self._hub = hub
        self._say = say
        self.state: SpaceState | None = None

    def prepare(self, settings: Settings, ask: Ask) -> Planned:
        """Everything that can be found out before something is changed.

        Raises:
            SettingsError: something is missing, or does not go together.
            DeployError: the files must not go up, or the Hub refuses.
        """
        require_docs(self._wanted.docs)
        origins_for(settings, self._wanted.frontend, "")
        self.state = self._hub.look(self._wanted.space) if self._hub else None
        known = [*self.state.secrets, *self.state.variables] if self.state else []
        absent = [] if self._wanted.embedded else missing(settings, known)
        while absent and not self._wanted.dry_run:
            settings = ask(settings, absent)
            absent = missing(settings, known)  # an address that was typed makes its key missing
        for line in warn_of_previews(settings, self._wanted.frontend):
            self._say(f"Note        {line}")
        return self._plan(settings, absent)

    def _plan(self, settings: Settings, absent: list[StandIn]) -> Planned:
        origins = origins_for(settings, self._wanted.frontend, self.address)
        settings = self._for_the_pages(settings)
        files = deployed_files(None if settings.qdrant_url else self._wanted.docs)
        require_safe(files, settings.secrets)
        values = values_for(settings, origins, self.state.secrets if self.state else ())
        return Planned(settings, files, values, compare(self.state, files, values, self._wanted.private), absent)

    @property
    def address(self) -> str:
        return self.state.address if self.state else address_of(self._wanted.space)

    def _for_the_pages(self, settings: Settings) -> Settings:
        """An embedded index is filled on the Space, where the site's configuration is not: its words go along."""
        if self._wanted.docs is None or settings.qdrant_url:
            return settings
        from chains.ingest.config import find_config

        config = find_config(self._wanted.docs)
        said = {"site_url": config.url and config.url + config.base_url, "route_base_path": config.route_base_path}
        new = {name: value for name, value in said.items() if value and getattr(settings, name) is None}
        return settings.model_copy(update=new)

    def carry_out(self, planned: Planned, index: Callable[[Settings, Path], None]) -> dict[str, Any]:
        """Change the Space, wait for it, index, and give its health at the end.

        Raises:
            DeployError: the Hub refuses, the build fails, or the service does not become healthy.
        """
        hub, changes = self._require_hub(), planned.changes
        if changes.create:  # the Hub says where it answers, and that address goes into the origins
            hub.create(self._wanted.space, private=bool(self._wanted.private))
            self.state = hub.look(self._wanted.space)
            planned = self._plan(planned.settings, [])
        commit = apply(hub, self._wanted.space, planned.changes, planned.values, f"Deploy Docent {__version__}")
        self._say("Uploaded    " + (f"as {commit[:8]}" if commit else "nothing: every file is there already"))
        self.state = hub.look(self._wanted.space) or self.state
        return self.await_service(commit or self._head(), planned, index, changed=changes.any)

    def _head(self) -> str | None:
        return self.state.head if self.state else None

    def _require_hub(self) -> Hub:
        if self._hub is None:
            raise DeployError(f"There is no HF_TOKEN and no stored login. {NEEDED}")
        return self._hub

    def await_service(
        self, commit: str | None, planned: Planned | None, index: Callable[[Settings, Path], None], *, changed: bool
    ) -> dict[str, Any]:
        hub = self._require_hub()
        Build(hub, self._wanted.space, self._say).wait(commit, changed=changed, within=self._wanted.timeout)
        service = Service(self.address, hub.token if self.state and self.state.private else None)
        report = service.await_report(AWAKE, healthy=False)
        indexes = planned is not None and self._wanted.docs is not None and bool(planned.settings.qdrant_url)
        if indexes and planned is not None and self._wanted.docs is not None:
            index(planned.settings, self._wanted.docs)
        if indexes or report.get("status") != "healthy":
            report = service.await_report(INDEXED if indexes else 15, healthy=True)
        for name, word in services_of(report).items():
            self._say(f"Health      {name}: {word}")
        return report

    def roll_back(self) -> tuple[str, dict[str, Any] | None]:
        """The revision that was gone back to, and the health then; none in a dry run."""
        hub = self._require_hub()
        target, commit = roll_back(hub, self._wanted.space, dry_run=self._wanted.dry_run)
        if self._wanted.dry_run:
            return target, None
        self.state = hub.look(self._wanted.space)
        self._say(f"Rolled back to {target[:8]}; secrets and variables stay as they are")
        report = self.await_service(commit or self._head(), None, lambda *_: None, changed=commit is not None)
        return target, report


def space_named(text: str, hub: Hub | None) -> str:
    """`user/name`, also of an address of the Hub; a name alone is the token's owner's.

    Raises:
        SettingsError: it cannot be the name of a Space.
    """
    name = text.strip().rstrip("/").rpartition("/spaces/")[2]
    owner = hub.owner() if hub else None
    name = f"{owner}/{name}" if owner and "/" not in name else name
    if not NAME.fullmatch(name):
        raise SettingsError("--space: write USER/NAME, such as my-username/my-chatbot.")
    return name
