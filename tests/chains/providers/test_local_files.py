"""Only the pinned bytes are loaded."""

import sys
from pathlib import Path

import pytest

from chains.errors import ModelFilesError, SettingsError
from chains.providers.local_embeddings import LocalEmbeddings
from chains.providers.local_files import PINNED, installed_folder, pinned_file
from chains.providers.local_tokens import load_tokenizer

REMEDIES = ("make setup", "requirements-model.txt", "EMBED_MODEL_DIR")


@pytest.fixture
def tampered(tmp_path: Path) -> Path:
    """A folder whose tokenizer differs in one bit, and whose weights end too early."""
    tokenizer = bytearray((installed_folder() / "tokenizer.json").read_bytes())
    tokenizer[-100] ^= 1
    (tmp_path / "tokenizer.json").write_bytes(tokenizer)
    with (installed_folder() / "model.safetensors").open("rb") as weights:
        (tmp_path / "model.safetensors").write_bytes(weights.read(100_000))
    return tmp_path


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    for name in PINNED:
        (tmp_path / name).symlink_to(installed_folder() / name)
    return tmp_path


@pytest.mark.parametrize("name", PINNED)
def test_tampered_file_is_refused(tampered: Path, name: str) -> None:
    with pytest.raises(ModelFilesError) as refusal:
        pinned_file(name, tampered)
    assert all(remedy in str(refusal.value) for remedy in (*REMEDIES, str(tampered / name)))


def test_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFilesError) as refusal:
        pinned_file("tokenizer.json", tmp_path)
    assert all(remedy in str(refusal.value) for remedy in REMEDIES)


def test_absent_package_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"not installed.*make setup"):
        installed_folder("no_such_package")


def test_embeddings_refuse_what_is_tampered(tampered: Path) -> None:
    embeddings = LocalEmbeddings(tampered)
    with pytest.raises(ModelFilesError):
        embeddings.open()
    with pytest.raises(ModelFilesError):
        embeddings.embed_query("not even the second time")
    embeddings.close()


@pytest.mark.parametrize("absent", ["onnxruntime", "safetensors"])
def test_absent_runtime_is_told_with_the_remedy(linked: Path, monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    """As in an image that was built without the embedded engines."""
    monkeypatch.setitem(sys.modules, absent, None)
    for name in [name for name in sys.modules if name in ("chains.providers.minilm", "chains.providers.onnx_model")]:
        monkeypatch.delitem(sys.modules, name)
    embeddings = LocalEmbeddings(linked)
    with pytest.raises(ModelFilesError, match=rf"{absent} is not installed.*GEMINI_API_KEY"):
        embeddings.open()
    embeddings.close()


def test_folder_of_the_setting_is_read(linked: Path) -> None:
    embeddings = LocalEmbeddings(linked)
    assert len(embeddings.embed_query("hello")) == 384
    embeddings.close()


def test_tokenizer_is_read_once(linked: Path) -> None:
    assert load_tokenizer(linked) is load_tokenizer(linked)
