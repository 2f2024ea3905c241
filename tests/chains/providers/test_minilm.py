"""The int8 model against the fp32 one."""

import subprocess
import sys

import numpy as np
import pytest
from minilm_reference import ReferenceMiniLM
from safetensors import safe_open

from chains.providers.local_embeddings import LocalEmbeddings
from chains.providers.local_files import pinned_file
from chains.providers.minilm import build_encoder, quantise_rows

TEXTS = [
    "When did the 1973 oil crisis begin?",
    "The 1973 oil crisis began in October 1973 when the members of OAPEC proclaimed an oil embargo.",
    "Run `docent serve --port 7860` and open http://localhost:7860 in a browser.",
    "How do I roll back a deployment?",
    "GR00T needs CUDA 12.4; see [the setup](setup.md#gpu) for the driver.",
    "| `--use-acr` | `03-deploy-osmo.sh` | Pull from Terraform-deployed ACR |",
    "Der Roboter fährt langsam zurück, wenn der Sensor etwas sieht.",
    "機器人學習",
    "The node publishes joint states at 100 Hz, and the controller subscribes to them through a bounded queue. " * 4,
]


@pytest.fixture(scope="module")
def reference() -> ReferenceMiniLM:
    return ReferenceMiniLM()


def test_vectors_are_close_to_fp32(local: LocalEmbeddings, reference: ReferenceMiniLM) -> None:
    cosines = [float(np.dot(reference.embed(text), local.embed_query(text))) for text in TEXTS]
    assert min(cosines) >= 0.987
    assert np.mean(cosines) >= 0.994


@pytest.mark.parametrize("text", ["", "Simple"])
def test_vectors_of_next_to_nothing_are_near(local: LocalEmbeddings, reference: ReferenceMiniLM, text: str) -> None:
    """Two or three word pieces average out less of the rounding."""
    assert np.dot(reference.embed(text), local.embed_query(text)) >= 0.98


def test_quantise_rows_is_off_by_half_a_step_at_most() -> None:
    weight = np.random.default_rng(7).normal(size=(40, 64)).astype(np.float32)
    weight[3] = 0
    quantised, scales = quantise_rows(weight)
    error = np.abs(quantised * scales[:, np.newaxis] - weight)
    assert (error <= scales[:, np.newaxis] * 0.5001).all()
    assert (np.abs(quantised[0]).max(), np.abs(quantised[3]).max()) == (127, 0)


def test_build_encoder_writes_the_same_bytes_again() -> None:
    with safe_open(pinned_file("model.safetensors"), "np") as tensors:
        assert build_encoder(tensors) == build_encoder(tensors)


def test_loading_takes_little_memory() -> None:
    """Measured: 85 MB, of which onnxruntime's import is 18 and the tokenizer 31."""
    program = """
import numpy, psutil
from chains.providers.local_embeddings import LocalEmbeddings
before = psutil.Process().memory_info().rss
embeddings = LocalEmbeddings()
embeddings.open()
embeddings.embed_query("warm")
print(psutil.Process().memory_info().rss - before)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 130e6
