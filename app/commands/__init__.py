"""What each command of `docent` does."""
