"""What can go wrong with a deployment, said once and with what to do."""

from __future__ import annotations

TOKENS = "https://huggingface.co/settings/tokens"
# The guide's sentence, lesson 4: readers search for its words.
NEEDED = f"HF requires access token, not password: get one that may write at {TOKENS} and set HF_TOKEN."


class DeployError(Exception):
    """The message has the remedy, and no value of a secret."""
