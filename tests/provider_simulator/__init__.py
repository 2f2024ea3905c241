"""Gemini, Cohere and an OpenAI-compatible server on one port, for tests and for hand use: `make simulator`.

    http://127.0.0.1:8099/gemini      what the Gemini clients take as `base_url`
    http://127.0.0.1:8099/cohere      what the Cohere clients take as `base_url`
    http://127.0.0.1:8099/openai/v1   what OpenAI clients take as `base_url`
    http://127.0.0.1:8099/__sim/      the control plane, see `control`

Everything is kept by API key: faults, settings, limits, counters and the log of requests. Any key is good that does not
begin with "invalid". The key "*" of the control plane stands for all keys.

Wire formats are those of google-genai 2.34 and cohere 5.21. Texts of errors are the providers' own where an issue or a
page quotes them (retired models, quotas, batch limits), else plausible.
"""
