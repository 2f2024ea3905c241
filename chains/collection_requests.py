"""Parts of a search's request, and what its failures mean to who asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from qdrant_client import models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse

from chains.collection import SPARSE
from chains.errors import RetrievalUnavailable, SearchFault
from chains.remote_qdrant import CLIENT_ERRORS


def single_term(term: int) -> models.QueryRequest:
    return models.QueryRequest(query=sparse_vector({term: 1}), using=SPARSE, limit=1, with_vector=[SPARSE])


def sparse_vector(terms: Mapping[int, int]) -> models.SparseVector:
    return models.SparseVector(indices=list(terms), values=[float(count) for count in terms.values()])


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except ResourceExhaustedResponse as error:
        raise RetrievalUnavailable(retry_after=error.retry_after_s) from error
    except (*CLIENT_ERRORS, SearchFault, TimeoutError) as error:
        raise RetrievalUnavailable from error
