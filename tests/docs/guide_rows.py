"""The deployment guide's troubleshooting and lessons: which check of `docent doctor` finds each, and the fix."""

from __future__ import annotations

from dataclasses import dataclass

BEGIN, END = "<!-- begin: guide rows -->", "<!-- end: guide rows -->"


@dataclass(frozen=True)
class GuideRow:
    """`row` is the guide's heading, or `Lesson N`; `checks` are the doctor's words."""

    row: str
    about: str
    checks: tuple[str, ...]
    option: str
    fix: str

    def __str__(self) -> str:
        checks = ", ".join(f"`{check}`" for check in self.checks)
        option = f" with `{self.option}`" if self.option else ""
        return f"| {self.row} | {self.about} | {checks}{option} | {self.fix} |"


ROWS = [
    GuideRow("Qdrant Returns 404", "suspended cluster", ("qdrant",), "", "Resume the cluster in Qdrant Cloud."),
    GuideRow("Qdrant Returns 404", "wrong address or blanks in it", ("qdrant", "settings"), "",
             "Copy `QDRANT_URL` again; blanks are removed and named."),
    GuideRow("Qdrant Returns 404", "no such collection", ("qdrant",), "", "Run `docent ingest PATH`."),
    GuideRow("CORS Errors", "blocked by CORS policy", ("cors",), "--frontend URL",
             "Add the site to `ALLOWED_ORIGINS` and restart."),
    GuideRow('"process is not defined" Error', "`process.env` in browser code", ("site",), "--site DIR",
             "Tell production by `window.location.hostname`."),
    GuideRow("Build Fails", "owner of files, Python, compilers", ("dockerfile",), "--dockerfile PATH",
             "`COPY --chown=user`, `python:3.11-slim`, gcc and g++."),
    GuideRow("Cold Start Slow", "a Space that slept", ("cold-start",), "--service URL",
             "Wait 30 to 60 seconds; health says `starting`."),
    GuideRow("Lesson 1", "blanks around secrets", ("settings",), "", "They are removed; copy the value again."),
    GuideRow("Lesson 2", "`process.env` in browser code", ("site",), "--site DIR",
             "Tell production by `window.location.hostname`."),
    GuideRow("Lesson 3", "suspended cluster", ("qdrant",), "", "Resume the cluster in Qdrant Cloud."),
    GuideRow("Lesson 4", "access token instead of a password", ("hub",), "",
             "Make a token that may write and set `HF_TOKEN`."),
    GuideRow("Lesson 5", "port 7860", ("dockerfile", "deployment"), "--dockerfile PATH",
             "Listen on 7860, or set `app_port` in the README."),
    GuideRow("Lesson 6", "uid 1000", ("dockerfile",), "--dockerfile PATH",
             "`useradd -m -u 1000 user`, then `USER user`."),
    GuideRow("Lesson 7", "preview addresses are not allowed", ("previews",), "--frontend URL",
             "Set `ALLOWED_ORIGIN_REGEX`."),
    GuideRow("Lesson 8", "the Space's own address", ("cors",), "--frontend URL",
             "Nothing to do: the service's own pages are always allowed."),
]  # fmt: skip


def table() -> str:
    head = "| In the guide | Cause | Check of `docent doctor` | Fix |\n| --- | --- | --- | --- |"
    return "\n".join([head, *map(str, ROWS)])
