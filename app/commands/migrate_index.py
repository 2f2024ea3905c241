"""`docent migrate-index`: the embedded collection into the remote one, without embedding again."""

from __future__ import annotations

import json

from app.commands.indexes import bar, embedded_index, remote_index
from app.settings import Settings
from chains.collection_copy import copy_collection
from chains.data_dir import held
from chains.errors import SettingsError


def run(settings: Settings, *, as_json: bool) -> None:
    """Copy, and say how many points. What an interrupted run copied is not copied again.

    Raises:
        SettingsError: there is no remote index in the settings.
        DataDirBusy: a service holds the embedded index.
        SearchFault: one of the two collections does not fit, or the remote index refuses.
    """
    if not settings.qdrant_url:
        raise SettingsError("QDRANT_URL: set it, and QDRANT_API_KEY, to the Qdrant that the index is to be copied to.")
    with (
        held(settings.data_dir, "docent migrate-index"),
        embedded_index(settings) as source,
        remote_index(settings) as target,
        bar("points", quiet=as_json) as progress,
    ):
        report = copy_collection(source, target, settings.qdrant_collection, progress)
    print(json.dumps(report.as_dict()) if as_json else report)  # noqa: T201
