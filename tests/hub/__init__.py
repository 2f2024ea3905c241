"""A stand-in of the Hugging Face Hub's HTTP API, as huggingface_hub 2.4 speaks it; for Spaces alone."""
