"""Turns run apart from their readers: one task and one log each."""
