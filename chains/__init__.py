"""The RAG chain and its parts. Knows LangChain; knows nothing of HTTP."""
