"""What Qdrant is asked: the search by meaning alone, both searches fused, and how rare a term is; and what its failures
mean to who asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from qdrant_client import models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse

from chains.collection import SPARSE
from chains.errors import RetrievalUnavailable, SearchFault
from chains.remote_qdrant import CLIENT_ERRORS


class Wanted(NamedTuple):
    """`k` points near `vector`, among those that meet `condition`; `dense` names their vector, "" if it has no name."""

    vector: list[float]
    dense: str
    k: int
    condition: models.Filter | None


def dense(wanted: Wanted) -> models.QueryRequest:
    """By meaning alone."""
    return models.QueryRequest(
        query=wanted.vector,
        using=wanted.dense or None,
        filter=wanted.condition,
        limit=wanted.k,
        with_payload=True,
        with_vector=[wanted.dense] if wanted.dense else True,
    )


def fused(wanted: Wanted, terms: Mapping[int, int], depth: int) -> models.QueryRequest:
    """By meaning and by `terms` (BM25's index of a term -> its number in the question), `depth` points of each."""
    near = models.Prefetch(query=wanted.vector, using=wanted.dense, limit=depth, filter=wanted.condition)
    lists = [near]
    if terms:
        lists.append(models.Prefetch(query=_sparse(terms), using=SPARSE, limit=depth, filter=wanted.condition))
    return models.QueryRequest(
        prefetch=lists,
        query=models.FusionQuery(fusion=models.Fusion.DBSF),
        limit=wanted.k,
        with_payload=True,
        with_vector=[wanted.dense],  # for the cosine of passages that only BM25 found
    )


def single_term(term: int) -> models.QueryRequest:
    """One passage that has the term, whose score tells the term's idf."""
    return models.QueryRequest(query=_sparse({term: 1}), using=SPARSE, limit=1, with_vector=[SPARSE])


def _sparse(terms: Mapping[int, int]) -> models.SparseVector:
    return models.SparseVector(indices=list(terms), values=[float(count) for count in terms.values()])


@contextmanager
def translated() -> Iterator[None]:
    """Raises RetrievalUnavailable for whatever a search raises."""
    try:
        yield
    except ResourceExhaustedResponse as error:
        raise RetrievalUnavailable(retry_after=error.retry_after_s) from error
    except (*CLIENT_ERRORS, SearchFault, TimeoutError) as error:
        raise RetrievalUnavailable from error
