"""`python -m app` is `docent`."""

from app.cli import main

main()
