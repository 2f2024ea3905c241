"""Question sets -> how well the product's own retriever finds what answers them, and its own chain answers."""

from chains.evaluation.beir_files import is_beir
from chains.evaluation.evaluate import evaluate_beir, evaluate_questions
from chains.evaluation.metrics import EvalReport

__all__ = ["EvalReport", "evaluate_beir", "evaluate_questions", "is_beir"]
