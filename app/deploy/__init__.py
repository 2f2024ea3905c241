"""`docent deploy`: this tree and its settings to a Hugging Face Space, repeatably."""
