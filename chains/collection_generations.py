"""Generations of an index: which collection the configured name means, and the one before it.

An index has a name, QDRANT_COLLECTION, and lives in collections called `<name>--<fingerprint>`. The name is an alias of
the one that is active, `<name>--previous` of the one that is kept for a rollback; one request moves both. Where a
collection of the very name exists, it cannot be an alias as well: `<name>--active` then is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from qdrant_client import models

from chains.collection import AsyncClient, Client, Fingerprint, create_collection, fingerprint_of, read_fingerprint
from chains.collection_state import GENERATION_OF, UNFINISHED
from chains.errors import SearchFault
from chains.remote_qdrant import CLIENT_ERRORS, status_of

_ACTIVE = "--active"
_PREVIOUS = "--previous"
_EXISTS = (400, 409)  # another first run was faster
_CLOSED = (401, 403, 404)  # a key for some collections may not list aliases, and a suspended cluster has none


@dataclass(frozen=True)
class Generations:
    """`active` and `previous` are names of collections; `real`: one of the very name exists."""

    name: str
    active: str | None = None
    previous: str | None = None
    real: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def candidates(self) -> list[str]:
        """What a search may use, the active one first."""
        return [each for each in (self.active or self.name, self.previous) if each]


def find_generations(client: Client, name: str) -> Generations:
    return _found(client.get_aliases(), name, client.collection_exists(name))


async def fetch_generations(client: AsyncClient, name: str) -> Generations:
    """The same for those who only search; whether a collection of the very name exists is not asked."""
    try:
        return _found(await client.get_aliases(), name, exists=False)
    except CLIENT_ERRORS as error:
        if status_of(error) not in _CLOSED:
            raise
        return Generations(name)


def active_collection(client: Client, name: str) -> str:
    """The collection behind the name; the name itself where there is none."""
    return find_generations(client, name).active or name


def create_generation(client: Client, generations: Generations, fingerprint: Fingerprint, origin: str) -> str:
    """A collection of this fingerprint beside the active one, empty unless an interrupted run left it unfinished.

    Nothing searches it before `activate`, but for the first one of a name.
    """
    collection = _free_name(client, generations, fingerprint)
    if not client.collection_exists(collection):
        _create(client, collection, fingerprint, {GENERATION_OF: generations.name, UNFINISHED: origin})
    if generations.active is None:
        activate(client, generations, collection)
    return collection


def _create(client: Client, collection: str, fingerprint: Fingerprint, facts: dict[str, str]) -> None:
    try:
        create_collection(client, collection, fingerprint, facts)
    except CLIENT_ERRORS as error:
        if status_of(error) not in _EXISTS or not _resumable(client, collection, fingerprint):
            raise


def activate(client: Client, generations: Generations, collection: str) -> None:
    """Let the name mean `collection`, at once for all readers; what was active is kept for a rollback.

    An older generation is removed, and so are leftovers of rebuilds that never came to their end.
    """
    old = generations
    targets = dict.fromkeys(_pointers(old), collection)
    if old.active not in (None, collection):
        targets[f"{old.name}{_PREVIOUS}"] = str(old.active)
    _point(client, old, targets)
    for leftover in _leftovers(client, find_generations(client, old.name)):
        client.delete_collection(leftover)
    now = find_generations(client, old.name)
    if old.real and not now.real and now.name not in now.aliases:
        _point(client, now, {now.name: collection})


def roll_back(client: Client, name: str) -> Generations:
    """Exchange the active generation and the one before it.

    Raises:
        SearchFault: there is none before it.
    """
    found = find_generations(client, name)
    if found.previous is None or found.active is None:
        raise SearchFault(
            f"There is no earlier generation of {name!r} to go back to: `docent ingest --rebuild` keeps one."
        )
    _point(client, found, {**dict.fromkeys(_pointers(found), found.previous), f"{name}{_PREVIOUS}": found.active})
    return find_generations(client, name)


def _found(response: models.CollectionsAliasesResponse, name: str, exists: bool) -> Generations:
    aliases = {each.alias_name: each.collection_name for each in response.aliases}
    real = exists and name not in aliases
    active = aliases.get(f"{name}{_ACTIVE}") or aliases.get(name) or (name if real else None)
    previous = aliases.get(f"{name}{_PREVIOUS}")
    own = tuple(alias for alias in (name, f"{name}{_ACTIVE}", f"{name}{_PREVIOUS}") if alias in aliases)
    return Generations(name, active, previous if previous != active else None, real, own)


def _pointers(generations: Generations) -> Iterator[str]:
    """The aliases that mean the active one."""
    if not generations.real:
        yield generations.name
    if generations.real or f"{generations.name}{_ACTIVE}" in generations.aliases:
        yield f"{generations.name}{_ACTIVE}"


def _point(client: Client, generations: Generations, targets: dict[str, str]) -> None:
    """All in one request, which a server carries out whole."""
    operations: list[models.AliasOperations] = []
    for alias, collection in targets.items():
        if alias in generations.aliases:
            operations.append(models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)))
        create = models.CreateAlias(alias_name=alias, collection_name=collection)
        operations.append(models.CreateAliasOperation(create_alias=create))
    client.update_collection_aliases(change_aliases_operations=operations)


def _free_name(client: Client, generations: Generations, fingerprint: Fingerprint) -> str:
    """Two generations of one fingerprint have names that end in -2, -3; one that belongs to others is left alone."""
    plain = f"{generations.name}--{fingerprint.digest}"
    number = 1
    while True:
        collection = plain if number == 1 else f"{plain}-{number}"
        used = collection in (generations.active, generations.previous)
        if not used and (not client.collection_exists(collection) or _resumable(client, collection, fingerprint)):
            return collection
        number += 1


def _resumable(client: Client, collection: str, fingerprint: Fingerprint) -> bool:
    info = client.get_collection(collection)
    return bool((info.config.metadata or {}).get(GENERATION_OF)) and fingerprint_of(info) == fingerprint


def _leftovers(client: Client, generations: Generations) -> list[str]:
    """Collections that were made as generations of this name and that no alias means any more."""
    shape = re.compile(rf"{re.escape(generations.name)}--[0-9a-f]{{12}}(-\d+)?")
    names = [each.name for each in client.get_collections().collections if shape.fullmatch(each.name)]
    kept = (generations.active, generations.previous)
    own = [name for name in names if name not in kept and _is_generation(client, name, generations.name)]
    superseded = generations.real and generations.name not in kept and _is_docents(client, generations.name)
    return [*own, generations.name] if superseded else own


def _is_docents(client: Client, collection: str) -> bool:
    return read_fingerprint(client, collection) is not None


def _is_generation(client: Client, collection: str, name: str) -> bool:
    return (client.get_collection(collection).config.metadata or {}).get(GENERATION_OF) == name
