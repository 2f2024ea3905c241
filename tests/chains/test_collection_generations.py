"""Generations of an index on every engine: made, moved to, gone back to, cleared away."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from qdrant_client import models

from chains.collection import Client, Fingerprint, create_collection
from chains.collection_generations import activate, create_generation, find_generations, roll_back
from chains.errors import SearchFault

pytestmark = pytest.mark.slow  # a collection of the embedded engine takes a tenth of a second to make

ONE = Fingerprint("test/one", 8, "", "bm25", "chunker")
TWO = replace(ONE, embedding="test/two")
NAME = "book"


def collections(client: Client) -> set[str]:
    return {found.name for found in client.get_collections().collections}


def rebuild(client: Client, fingerprint: Fingerprint) -> str:
    made = create_generation(client, find_generations(client, NAME), fingerprint, "docs")
    activate(client, find_generations(client, NAME), made)
    return made


def put(client: Client, collection: str, text: str) -> None:
    vector = [random.Random(text).random() for _ in range(8)]
    point = models.PointStruct(id=1, vector={"dense": vector}, payload={"page_content": text})
    client.upsert(collection, points=[point])


def text_at(client: Client, name: str) -> str:
    return str((client.retrieve(name, [1])[0].payload or {})["page_content"])


def test_first_one_is_behind_the_name_at_once(empty_engine: Client) -> None:
    made = create_generation(empty_engine, find_generations(empty_engine, NAME), ONE, "docs")
    assert made == f"{NAME}--{ONE.digest}"
    put(empty_engine, made, "first")
    assert text_at(empty_engine, NAME) == "first"
    found = find_generations(empty_engine, NAME)
    assert (found.active, found.previous, found.real) == (made, None, False)


def test_rebuilds_and_rollbacks_keep_one_generation_besides(empty_engine: Client) -> None:
    first, second = rebuild(empty_engine, ONE), rebuild(empty_engine, TWO)
    put(empty_engine, first, "first")
    put(empty_engine, second, "second")
    assert text_at(empty_engine, NAME) == "second"
    assert find_generations(empty_engine, NAME).previous == first
    roll_back(empty_engine, NAME)
    assert text_at(empty_engine, NAME) == "first"
    roll_back(empty_engine, NAME)
    assert text_at(empty_engine, NAME) == "second"
    third = rebuild(empty_engine, TWO)
    assert third == f"{second}-2"
    assert collections(empty_engine) == {second, third}
    assert rebuild(empty_engine, ONE) == first
    assert collections(empty_engine) == {first, third}


def test_collection_of_the_very_name_is_kept_until_a_second_rebuild(empty_engine: Client) -> None:
    create_collection(empty_engine, NAME, ONE)
    put(empty_engine, NAME, "real")
    second = rebuild(empty_engine, TWO)
    found = find_generations(empty_engine, NAME)
    assert (found.active, found.previous, found.real) == (second, NAME, True)
    assert text_at(empty_engine, NAME) == "real"
    assert roll_back(empty_engine, NAME).active == NAME
    assert roll_back(empty_engine, NAME).active == second
    third = rebuild(empty_engine, ONE)
    assert collections(empty_engine) == {second, third}
    put(empty_engine, third, "third")
    assert text_at(empty_engine, NAME) == "third"
    assert find_generations(empty_engine, NAME).active == third
    fourth = rebuild(empty_engine, TWO)
    assert find_generations(empty_engine, NAME).active == fourth
    put(empty_engine, fourth, "fourth")
    assert text_at(empty_engine, NAME) == "fourth"


def test_collection_of_another_program_is_never_removed(empty_engine: Client) -> None:
    vectors = {"theirs": models.VectorParams(size=4, distance=models.Distance.COSINE)}
    empty_engine.create_collection(NAME, vectors_config=vectors)
    neighbour = f"{NAME}--{ONE.digest}-7"
    create_collection(empty_engine, neighbour, ONE)
    made = [rebuild(empty_engine, fingerprint) for fingerprint in (ONE, TWO, ONE)]
    assert collections(empty_engine) == {NAME, neighbour, *made[1:]}
    assert find_generations(empty_engine, NAME).active == made[2]


def test_leftover_of_an_interrupted_rebuild_is_gone_on_with_or_cleared_away(empty_engine: Client) -> None:
    first = rebuild(empty_engine, ONE)
    left = create_generation(empty_engine, find_generations(empty_engine, NAME), TWO, "docs")
    assert find_generations(empty_engine, NAME).active == first
    assert create_generation(empty_engine, find_generations(empty_engine, NAME), TWO, "docs") == left
    again = rebuild(empty_engine, ONE)
    assert collections(empty_engine) == {first, again}


def test_crash_before_the_name_was_given_is_repaired(empty_engine: Client) -> None:
    made = create_generation(empty_engine, find_generations(empty_engine, NAME), ONE, "docs")
    delete = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=NAME))
    empty_engine.update_collection_aliases(change_aliases_operations=[delete])
    assert create_generation(empty_engine, find_generations(empty_engine, NAME), ONE, "docs") == made
    assert find_generations(empty_engine, NAME).active == made


def test_nothing_to_go_back_to_is_said(empty_engine: Client) -> None:
    rebuild(empty_engine, ONE)
    with pytest.raises(SearchFault, match="--rebuild"):
        roll_back(empty_engine, NAME)
