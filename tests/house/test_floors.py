"""Imports point down only; some things happen in one place only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted(path for folder in ("app", "chains") for path in (ROOT / folder).rglob("*.py"))

# From the top floor to the ground; a module may import from its own floor and from those below it.
FLOORS = [
    ["app.main", "app.assembly", "app.front", "app.cli", "app.commands", "app.doctor", "app.deploy",
     "app.check", "app.server", "app.__main__"],
    ["app.langserve_routes", "app.runnables", "app.batches", "app.routes"],
    ["app.docent", "app.turns", "app.events", "app.admission", "app.refusals", "app.gate", "app.metrics",
     "app.erasure"],
    ["app.resources", "app.search", "app.filling", "app.ingests", "app.index_status",
     "app.providers", "app.storage", "app.store", "app.health",
     "app.visitor", "app.logs", "app.tracing", "app.turns.journal", "app.turns.recovery", "app.turns.known",
     "app.turns.outage", "app.turns.stores",
     "app.turns.outage_buffer", "app.retention", "app.store_erasure"],
    ["app.settings", "app"],
    ["chains.evaluation"],
    ["chains.full_chain"],
    ["chains.rag", "chains.ingest"],
    [
        "chains.condense", "chains.retriever", "chains.rerank", "chains.evidence",
        "chains.citations",
        "chains.markers", "chains.quotes", "chains.reply", "chains.inline", "chains.term_weights",
        "chains.passages", "chains.neighbours", "chains.editions", "chains.marked_text", "chains.conversation",
        "chains.query_vectors",
        "chains.output_filter", "chains.history", "chains.postgres_history", "chains.migrations",
    ],
    ["chains.providers", "chains.resilience", "chains.collection", "chains.edge", "chains.prompts",
     "chains.embedded_postgres", "chains.data_dir", "chains.remote_qdrant"],
    ["chains.turn", "chains.settings", "chains.errors", "chains.hosts", "chains.remote_postgres", "chains"],
]  # fmt: skip

# Modules that stand beside the one whose work they share.
BESIDE = {
    "chains.collection_": "chains.collection",
    "chains.edge_": "chains.edge",
    "chains.postgres_": "chains.embedded_postgres",
    "chains.postmaster": "chains.embedded_postgres",
    "chains.history_": "chains.history",
    "app.store_": "app.store",
}

ONLY_IN = {
    "langserve": ("app.langserve_routes",),
    "onnxruntime": ("chains.providers",),
    "tokenizers": ("chains.providers",),
    "safetensors": ("chains.providers",),
    "google": ("chains.providers",),
    "cohere": ("chains.providers",),
    "langchain": ("chains.providers",),
    "langchain_cohere": ("chains.providers",),
    "langchain_google_genai": ("chains.providers",),
    "opentelemetry": ("app.tracing",),
    "prometheus_client": ("app.metrics", "app.routes.metrics"),
    "qdrant_edge": ("chains.edge", "chains.edge_", "chains.collection"),
}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor_of(module: str) -> int:
    """The floor of the longest name that the module is or lies under; higher numbers are lower floors."""
    home = next((home for prefix, home in BESIDE.items() if module.startswith(prefix) and not known(module)), module)
    candidates = [(len(name), floor) for floor, names in enumerate(FLOORS) for name in names if under(home, name)]
    return max(candidates)[1]


def known(module: str) -> bool:
    return any(under(module, name) for names in FLOORS for name in names if name not in ("app", "chains"))


def under(module: str, name: str) -> bool:
    return module == name or module.startswith(f"{name}.")


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_point_down(path: Path) -> None:
    module = module_of(path)
    own = floor_of(module)
    climbing = [name for name in imports_of(path) if name.startswith(("app.", "chains.")) and floor_of(name) < own]
    assert not climbing, f"{module} imports from a floor above its own"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_chains_know_nothing_of_http(path: Path) -> None:
    foreign = [name for name in imports_of(path) if name.split(".")[0] in ("app", "fastapi", "starlette", "langserve")]
    assert not (module_of(path).startswith("chains") and foreign)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_ingest_and_rag_do_not_meet(path: Path) -> None:
    module = module_of(path)
    names = set(imports_of(path))
    assert not (module.startswith("chains.ingest") and any(under(name, "chains.rag") for name in names))
    assert not (module == "chains.rag" and any(under(name, "chains.ingest") for name in names))


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_foreign_packages_stay_in_their_place(path: Path) -> None:
    module = module_of(path)
    for package in {name.split(".")[0] for name in imports_of(path)} & ONLY_IN.keys():
        assert module.startswith(ONLY_IN[package]), f"{module} imports {package}"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_environment_is_read_in_the_settings_only(path: Path) -> None:
    if path.name == "settings.py":
        return
    reads = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
    ]
    assert not reads


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_sql_is_written_in_its_files_only(path: Path) -> None:
    homes = ("chains.postgres_history", "chains.history_", "app.store", "app.turns.journal", "chains.migrations")
    verbs = ("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "CREATE TABLE ", "WITH ")
    if module_of(path).startswith(homes):
        return
    texts = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    assert not [text for text in texts if isinstance(text, str) and text.lstrip().startswith(verbs)]
