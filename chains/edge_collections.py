"""The half of the embedded Qdrant client that makes, describes and names collections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import qdrant_edge as edge
from qdrant_client import models

from chains.edge_directory import Collection, EdgeDirectory, engine_errors, new_directory_name, no_collection, refused
from chains.edge_filters import refuse
from chains.edge_queries import edge_schema, payload_schema

# Options of a server that one shard in this process satisfies by its nature.
MEANINGLESS = {"timeout", "wait", "ordering", "consistency"}


def checked(options: dict[str, Any], *known: str) -> dict[str, Any]:
    """The options that ask for something.

    Raises:
        UnsupportedRequest: one that is neither `known` nor meaningless here.
    """
    asked = {name: value for name, value in options.items() if value is not None and name not in MEANINGLESS}
    for name in asked.keys() - set(known):
        raise refuse(f"the option {name!r}")
    return asked


class EdgeCollections:
    def __init__(self, directory: EdgeDirectory) -> None:
        self._directory = directory

    def open(self) -> None:
        """Loads every collection: .1 to .7 s each at 10,000 points. Does nothing when it is open already.

        Raises:
            EmbeddedEngineError: another process has the directory open, or its files cannot be read.
        """
        self._directory.open()

    def close(self) -> None:
        self._directory.close()

    def collection_exists(self, collection_name: str, **options: Any) -> bool:
        checked(options)
        self._directory.require_open()
        contents = self._directory.contents
        return contents.aliases.get(collection_name, collection_name) in contents.collections

    def create_collection(
        self,
        collection_name: str,
        vectors_config: Mapping[str, models.VectorParams],
        sparse_vectors_config: Mapping[str, models.SparseVectorParams] | None = None,
        metadata: dict[str, Any] | None = None,
        **options: Any,
    ) -> bool:
        """Named vectors only, with size and distance; sparse vectors with a modifier."""
        checked(options)
        if not isinstance(vectors_config, Mapping):
            raise refuse("an unnamed vector")
        collection = Collection(
            directory=new_directory_name(),
            vectors=dict(vectors_config),
            sparse_vectors=dict(sparse_vectors_config or {}),
            metadata=metadata,
        )
        self._directory.create(collection_name, collection)
        return True

    def delete_collection(self, collection_name: str, **options: Any) -> bool:
        """With its aliases. False when there is none of this name."""
        checked(options)
        self._directory.require_open()
        with self._directory.writing:
            if collection_name not in self._directory.contents.collections:
                return False
            self._directory.drop(collection_name)
        return True

    def get_collection(self, collection_name: str, **options: Any) -> models.CollectionInfo:
        """Without the server's tuning parameters (`hnsw_config`, `optimizer_config`), which Edge does not have."""
        checked(options)
        shard = self._directory.shard(collection_name)
        contents = self._directory.contents
        collection = contents.collections[contents.resolve(collection_name)]
        with engine_errors():
            info = shard.info()
        params = models.CollectionParams(vectors=collection.vectors, sparse_vectors=collection.sparse_vectors)
        return models.CollectionInfo.model_construct(
            status=models.CollectionStatus.GREEN,
            optimizer_status=models.OptimizersStatusOneOf.OK,
            points_count=info.points_count,
            indexed_vectors_count=info.indexed_vectors_count,
            segments_count=info.segments_count,
            payload_schema=payload_schema(info),
            config=models.CollectionConfig.model_construct(params=params, metadata=collection.metadata),
        )

    def update_collection(self, collection_name: str, metadata: dict[str, Any] | None = None, **options: Any) -> bool:
        """`metadata` is merged, key by key, into what is there."""
        checked(options)
        self._directory.require_open()
        with self._directory.writing:
            contents = self._directory.contents
            name = contents.resolve(collection_name)
            old = contents.collections[name]
            new = old.model_copy(update={"metadata": {**(old.metadata or {}), **(metadata or {})}})
            self._directory.save({**contents.collections, name: new}, contents.aliases)
        return True

    def get_collections(self, **options: Any) -> models.CollectionsResponse:
        checked(options)
        self._directory.require_open()
        names = self._directory.contents.collections
        return models.CollectionsResponse(collections=[models.CollectionDescription(name=name) for name in names])

    def get_aliases(self, **options: Any) -> models.CollectionsAliasesResponse:
        checked(options)
        self._directory.require_open()
        return models.CollectionsAliasesResponse(
            aliases=[
                models.AliasDescription(alias_name=alias, collection_name=name)
                for alias, name in self._directory.contents.aliases.items()
            ]
        )

    def update_collection_aliases(self, change_aliases_operations: Sequence[Any], **options: Any) -> bool:
        """All operations or none; readers see the aliases before or after all of them."""
        checked(options)
        self._directory.require_open()
        with self._directory.writing:
            contents = self._directory.contents
            aliases = dict(contents.aliases)
            for operation in change_aliases_operations:
                _change(aliases, set(contents.collections), operation)
            self._directory.save(contents.collections, aliases)
        return True

    def create_payload_index(
        self, collection_name: str, field_name: str, field_schema: Any = None, **options: Any
    ) -> models.UpdateResult:
        """`field_schema`: a type's name or its parameters without further options."""
        checked(options)
        operation = edge.UpdateOperation.create_field_index(field_name, edge_schema(field_schema))
        self._write(collection_name, operation)
        return models.UpdateResult(operation_id=None, status=models.UpdateStatus.COMPLETED)

    def _write(self, collection_name: str, operation: edge.UpdateOperation) -> None:
        with self._directory.writing:
            shard = self._directory.shard(collection_name)
            with engine_errors():
                shard.update(operation)


def _change(aliases: dict[str, str], collections: set[str], operation: Any) -> None:
    match operation:
        case models.CreateAliasOperation(create_alias=wanted):
            _point(aliases, collections, wanted.alias_name, wanted.collection_name)
        case models.RenameAliasOperation(rename_alias=wanted):
            if wanted.old_alias_name not in aliases:
                raise refused(404, f"Not found: Alias {wanted.old_alias_name} does not exists!")
            _point(aliases, collections, wanted.new_alias_name, aliases.pop(wanted.old_alias_name))
        case models.DeleteAliasOperation(delete_alias=wanted):
            aliases.pop(wanted.alias_name, None)
        case _:
            raise refuse(operation)


def _point(aliases: dict[str, str], collections: set[str], alias: str, collection: str) -> None:
    if collection not in collections:
        raise no_collection(collection)
    if alias in collections:
        raise refused(409, f"Wrong input: Collection `{alias}` already exists!")
    aliases[alias] = collection
