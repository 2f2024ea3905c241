"""What the author can do about a provider that fails: the same words in health and in `docent doctor`."""

from __future__ import annotations

from chains.resilience import failures

NAMES = {"gemini": "Gemini", "cohere": "Cohere", "openai_compatible": "The OpenAI-compatible server"}
KEYS = {
    "gemini": "GEMINI_API_KEY to a key from https://aistudio.google.com/apikey",
    "cohere": "COHERE_API_KEY to a key from https://dashboard.cohere.com/api-keys",
    "openai_compatible": "OPENAI_API_KEY to a key of the server at OPENAI_BASE_URL",
}
MODELS = {
    "gemini": "GEMINI_MODEL or GEMINI_EMBEDDING_MODEL",
    "cohere": "COHERE_MODEL, COHERE_EMBEDDING_MODEL or COHERE_RERANK_MODEL",
    "openai_compatible": "OPENAI_MODEL",
}
ADDRESSES = {"gemini": "GEMINI_BASE_URL", "cohere": "COHERE_BASE_URL", "openai_compatible": "OPENAI_BASE_URL"}
RENEWED = {
    "gemini": "A day's quota is renewed at midnight Pacific time. Wait for it, raise the limit at "
    "https://aistudio.google.com, or set COHERE_API_KEY, too: the other provider then stands in",
    "cohere": "A trial key has 1,000 calls a month. Wait for the next one, take a production key at "
    "https://dashboard.cohere.com, or set GEMINI_API_KEY, too: the other provider then stands in",
}

SAYS = {
    failures.BadKey.kind: "{name} refuses the key ({detail}).",
    failures.ModelRetired.kind: "{name} does not serve the model ({detail}).",
    failures.QuotaExhausted.kind: "{name}: the quota of the day or month is used up ({detail}).",
    failures.RateLimited.kind: "{name} has had too many calls this minute ({detail}).",
    failures.ProviderTimeout.kind: "{name} did not answer in time ({detail}).",
    failures.NetworkFailure.kind: "{name} cannot be reached ({detail}).",
    failures.ProviderDown.kind: "{name} is overloaded or broken ({detail}).",
    failures.BadPayload.kind: "{name} does not answer as it should ({detail}).",
}


def explain(provider: str, kind: str, detail: str) -> tuple[str, str]:
    """What is wrong, and the remedy, of a `ProviderError`'s kind and detail."""
    name = NAMES.get(provider, provider)
    says = SAYS.get(kind, "{name} refuses what it is asked ({detail}).").format(name=name, detail=detail or kind)
    return says, _remedy(provider, kind)


def _remedy(provider: str, kind: str) -> str:
    match kind:
        case failures.BadKey.kind:
            return f"Set {KEYS.get(provider, 'the variable with its key to a key that is valid')}."
        case failures.ModelRetired.kind:
            return f"Set {MODELS.get(provider, 'CHAT_PROVIDER')} to a model that it serves."
        case failures.QuotaExhausted.kind:
            return f"{RENEWED.get(provider, 'Wait until it is renewed, or raise the limit')}."
        case failures.RateLimited.kind:
            return "It is well: wait a minute. Docent waits for as long as it asks and then goes on by itself."
        case failures.ProviderTimeout.kind | failures.NetworkFailure.kind:
            address = ADDRESSES.get(provider, "its address")
            return f"Check {address}, the network's way out and the provider's status page."
        case failures.ProviderDown.kind:
            return "Nothing is wrong here: Docent tries again, or asks the other provider that has a key."
        case failures.BadPayload.kind:
            return f"Check {ADDRESSES.get(provider, 'its address')}: something else may answer there."
    return f"Check {MODELS.get(provider, 'CHAT_PROVIDER')} and EMBEDDING_DIMENSIONS."
