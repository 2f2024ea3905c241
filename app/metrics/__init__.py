"""What `/metrics` tells: numbers with few and known labels, never a word of a reader's, a host or a key."""
