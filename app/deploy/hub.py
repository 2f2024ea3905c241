"""The Hub as a deployment needs it: one Space of one owner, by huggingface_hub, whose failures end here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx2
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    constants,
    get_token,
    set_client_factory,
)
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile, SpaceInfo
from huggingface_hub.utils._http import default_client_factory

from app.deploy.errors import NEEDED, DeployError
from app.redaction import redactor

if TYPE_CHECKING:
    from huggingface_hub import SpaceRuntime

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
TIMEOUT = 60.0  # seconds for one request; huggingface_hub itself waits for ever
KEPT = (".gitattributes",)  # the Hub makes it, and git-lfs needs it
SAYS = {
    402: "Hugging Face wants a subscription or a payment method for a Docker Space of this owner; see its billing page",
    403: f"The token may not do this. {NEEDED}",
    404: "There is no such Space, or the token may not see it",
    409: "The Hub has something else under this name",
    412: "Somebody else changed the Space meanwhile: run this again",
    429: "The Hub counts too many requests: wait some minutes and run this again",
}


@dataclass(frozen=True)
class SpaceState:
    """A Space as it is. `files` are path and git's id, `secrets` name and description, `variables` name and value."""

    address: str
    private: bool
    head: str
    files: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str | None] = field(default_factory=dict)
    variables: dict[str, str | None] = field(default_factory=dict)


def hub_token(preferred: str | None = None) -> str | None:
    """HF_TOKEN, or what `hf auth login` stored."""
    return (preferred or get_token() or "").strip() or None


def address_of(space: str) -> str:
    """Where a Space answers, before it is there to be asked: letters and digits of its name, dashes for the rest."""
    return f"https://{re.sub(r'[^a-z0-9]+', '-', space.lower()).strip('-')}.hf.space"


class Hub:
    """One token's view of the Hub at HF_ENDPOINT.

    Raises:
        DeployError: from every method, with what the Hub refuses.
    """

    def __init__(self, token: str) -> None:
        redactor.learn([token])
        set_client_factory(_client)
        self.token = token
        self.endpoint = constants.ENDPOINT
        self.api = HfApi(endpoint=self.endpoint, token=token)

    def owner(self) -> str:
        """Whose token it is; one that may only read is refused here."""
        with explained():
            said = self.api.whoami()
        access = (said.get("auth") or {}).get("accessToken") or {}
        if access.get("role") == "read":
            raise DeployError(f"The token of {said['name']} may only read. {NEEDED}")
        return str(said["name"])

    def page(self, space: str) -> str:
        return f"{self.endpoint}/spaces/{space}"

    def look(self, space: str) -> SpaceState | None:
        """None: it is not there."""
        with explained():
            try:
                info = self.api.space_info(space)
            except RepositoryNotFoundError:
                return None
            secrets = self.api.get_space_secrets(space)
            variables = self.api.get_space_variables(space)
            return SpaceState(
                _host(info) or address_of(space),
                bool(info.private),
                info.sha or "",
                self._files(space),
                {name: each.description for name, each in secrets.items()},
                {name: each.value for name, each in variables.items()},
            )

    def _files(self, space: str, revision: str | None = None) -> dict[str, str]:
        tree = self.api.list_repo_tree(space, recursive=True, repo_type="space", revision=revision)
        return {entry.path: entry.blob_id for entry in tree if isinstance(entry, RepoFile)}

    def files_at(self, space: str, revision: str) -> dict[str, str]:
        with explained():
            return self._files(space, revision)

    def commits(self, space: str) -> list[tuple[str, str]]:
        """Id and title, the newest first."""
        with explained():
            return [(each.commit_id, each.title) for each in self.api.list_repo_commits(space, repo_type="space")]

    def create(self, space: str, *, private: bool) -> None:
        with explained():
            self.api.create_repo(space, repo_type="space", space_sdk="docker", private=private, exist_ok=True)

    def show_to(self, space: str, *, private: bool) -> None:
        with explained():
            self.api.update_repo_settings(space, private=private, repo_type="space")

    def set_secret(self, space: str, name: str, value: str, description: str) -> None:
        with explained():
            self.api.add_space_secret(space, name, value, description=description)

    def set_variable(self, space: str, name: str, value: str) -> None:
        with explained():
            self.api.add_space_variable(space, name, value)

    def remove_variable(self, space: str, name: str) -> None:
        with explained():
            self.api.delete_space_variable(space, name)

    def upload(self, space: str, new: dict[str, bytes], gone: list[str], message: str, parent: str) -> str:
        """One commit on `parent`; its id."""
        adds = [CommitOperationAdd(path, content) for path, content in new.items()]
        return self._commit(space, [*adds, *map(CommitOperationDelete, gone)], message, parent)

    def restore(self, space: str, paths: list[str], gone: list[str], revision: str, parent: str) -> str:
        """`paths` as they were at `revision`, in a commit on `parent`; its id."""
        copies = [CommitOperationCopy(path, path, src_revision=revision) for path in paths]
        return self._commit(space, [*copies, *map(CommitOperationDelete, gone)], f"Roll back to {revision}", parent)

    def _commit(
        self,
        space: str,
        operations: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete],
        message: str,
        parent: str,
    ) -> str:
        with explained():
            done = self.api.create_commit(
                space, operations, commit_message=message, repo_type="space", parent_commit=parent or None
            )
            return str(done.oid)

    def runtime(self, space: str) -> SpaceRuntime:
        with explained():
            return self.api.get_space_runtime(space)

    def restart(self, space: str) -> None:
        with explained():
            self.api.restart_space(space)

    def log(self, space: str, *, build: bool, follow: bool) -> Iterator[str]:
        """Lines as they come. A log that breaks off is no failure of the deployment."""
        try:
            yield from self.api.fetch_space_logs(space, build=build, follow=follow)
        except (HfHubHTTPError, httpx2.HTTPError, OSError) as error:
            yield f"(no log: {type(error).__name__})"


def _host(info: SpaceInfo) -> str | None:
    return info.host or (f"https://{info.subdomain}.hf.space" if info.subdomain else None)


def _client() -> httpx2.Client:
    client: httpx2.Client = default_client_factory()
    client.timeout = httpx2.Timeout(TIMEOUT)
    return client


@contextmanager
def explained() -> Iterator[None]:
    """
    Raises:
        DeployError: for whatever huggingface_hub raises in the body.
    """
    try:
        yield
    except HfHubHTTPError as error:
        raise DeployError(_said(error)) from None
    except (httpx2.HTTPError, OfflineModeIsEnabled, OSError) as error:
        says = f"{constants.ENDPOINT} did not answer ({type(error).__name__}): check the network, and HF_ENDPOINT."
        raise DeployError(says) from None
    except ValueError as error:
        raise DeployError(redactor.clean(str(error))) from None


def _said(error: HfHubHTTPError) -> str:
    status = error.response.status_code if error.response is not None else 0
    words = (error.server_message or "").strip().rstrip(".")
    if status == 401:
        return f"The Hub does not take the token. {NEEDED}"
    known = SAYS.get(status, "The Hub cannot do this at the moment: try again later" if status >= 500 else "")
    told = f"The Hub says: {redactor.clean(words)}" if words else f"The Hub answers {status}"
    return f"{known or 'The Hub refuses this'}. {told}.".replace("..", ".")
