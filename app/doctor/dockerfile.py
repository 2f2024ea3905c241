"""A Dockerfile for a Hugging Face Space: its Python, its user, its files' owner, its port and its health check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import frontmatter
from yaml import YAMLError

from app.doctor.diagnosis import Diagnosis, failed, ok, warning

PORT = "7860"
UID = "1000"
COMPILERS = "Wheels need no compiler; a package without one does: apt-get install gcc g++."


@dataclass
class Stage:
    """From one FROM to the next. `lines` are instructions with their arguments, comments and line ends removed."""

    image: str
    lines: list[tuple[str, str]] = field(default_factory=list)

    def arguments(self, *instructions: str) -> list[str]:
        return [arguments for instruction, arguments in self.lines if instruction in instructions]

    @property
    def shell(self) -> str:
        return "\n".join(self.arguments("RUN"))


def check_dockerfile(path: Path) -> list[Diagnosis]:
    """Against the demands of Hugging Face Spaces. ARG and ENV with a value are followed, other variables are not."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [failed("dockerfile", f"{path} cannot be read ({type(error).__name__}).", "Name the Dockerfile's path.")]
    readme = path.parent / "README.md"
    return check_text(text, readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else "")


def check_text(dockerfile: str, readme: str) -> list[Diagnosis]:
    """The same of a Dockerfile's text; the README's front matter has the port that is asked."""
    stages = read_stages(dockerfile)
    if not stages:
        return [failed("dockerfile", "The Dockerfile has no FROM.", "Begin it with FROM python:3.11-slim.")]
    last, expected = stages[-1], app_port(readme)
    lineage = _lineage(stages)
    found = [
        *_python(lineage), *_user(lineage), *_owners(last), *_port(last, expected), *_health(lineage, expected),
        *_compilers(stages),
    ]  # fmt: skip
    return found or [ok("dockerfile", f"Python, user {UID}, owner of the files, port {expected} and health check fit.")]


def read_stages(text: str) -> list[Stage]:
    """With the values of ARG and ENV put in, where they have one."""
    stages: list[Stage] = []
    values: dict[str, str] = {}
    for instruction, written in _instructions(text):
        arguments = _filled(written, values)
        if instruction in ("ARG", "ENV"):
            values |= dict(re.findall(r"""(\w+)=["']?([^\s"']*)""", arguments))
        if instruction == "FROM":
            stages.append(Stage(re.sub(r"--\S+\s+", "", arguments)))
        elif stages:
            stages[-1].lines.append((instruction, arguments))
    return stages


def app_port(readme: str) -> str:
    """Where Hugging Face sends requests: the README's `app_port`, or 7860."""
    try:
        return str(frontmatter.loads(readme).get("app_port", PORT))
    except (ValueError, YAMLError):
        return PORT


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    whole = re.sub(r"^\s*#.*\n?", "", text, flags=re.MULTILINE)
    for line in re.sub(r"\\[ \t]*\n", " ", whole).splitlines():
        instruction, _, arguments = line.strip().partition(" ")
        if instruction:
            yield instruction.upper(), arguments.strip()


def _filled(text: str, values: dict[str, str]) -> str:
    """`$NAME`, `${NAME}` and `${NAME:-default}`; what has no value stays as it is written."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1] or found[3]) or found[2] or found[0]

    return re.sub(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))", value, text)


def _lineage(stages: list[Stage]) -> list[Stage]:
    """The last stage and those that it is built from, the last first."""
    names = {stage.image.partition(" ")[2].removeprefix("AS ").removeprefix("as ").strip(): stage for stage in stages}
    chain = [stages[-1]]
    while (base := names.get(chain[-1].image.split(" ")[0])) is not None and base not in chain:
        chain.append(base)
    return chain


def _python(lineage: list[Stage]) -> Iterator[Diagnosis]:
    image = lineage[-1].image.split(" ")[0]
    version = re.search(r"python:(\d+)\.(\d+)", image)
    if version and (int(version[1]), int(version[2])) < (3, 11):
        yield failed("dockerfile", f"{image} is too old a Python.", "Write FROM python:3.11-slim.")


def _user(lineage: list[Stage]) -> Iterator[Diagnosis]:
    used = next((user for stage in lineage for user in reversed(stage.arguments("USER"))), None)
    shell = "\n".join(stage.shell for stage in lineage)
    if used is None:
        yield failed("dockerfile", "No USER is set, and a Space runs as user 1000.", _MAKE_USER)
        return
    name = used.split(":")[0]
    made = re.search(rf"(?:useradd|adduser)[^&;\n]*\b{re.escape(name)}\b", shell)
    uid = re.search(r"(?:-u|--uid)[ =]?(\d+)", made[0]) if made else None
    number = name if name.isdecimal() else uid[1] if uid else None
    if number != UID:
        says = f"USER {name} has the uid {number}" if number else f"The uid of USER {name} is not fixed"
        yield failed("dockerfile", f"{says}, and a Space runs as user {UID}.", _MAKE_USER)


_MAKE_USER = "Write RUN useradd -m -u 1000 user, and then USER user."


def _owners(stage: Stage) -> Iterator[Diagnosis]:
    bare = [each for each in stage.arguments("COPY", "ADD") if not re.search(r"--(chown|from)=", each)]
    if bare:
        says = f"COPY {bare[0]} leaves the files to root, and the service cannot write them."
        yield failed("dockerfile", says, "Write COPY --chown=user.")


def _port(stage: Stage, expected: str) -> Iterator[Diagnosis]:
    remedy = f"Listen on {expected}, or say so in README.md's front matter with app_port."
    command = " ".join([*stage.arguments("ENTRYPOINT"), *stage.arguments("CMD")])
    listened = re.search(r"--port[\s=\"',]+(\d+)|--bind[\s=\"',]+\S*:(\d+)", command)
    own = re.search(r"\bPORT=[\"']?(\d+)", " ".join(stage.arguments("ENV")))
    port = (listened[1] or listened[2]) if listened else own[1] if own and "docent" in command else expected
    if port != expected:
        yield failed("dockerfile", f"The command listens on port {port}, and a Space asks {expected}.", remedy)
    exposed = " ".join(stage.arguments("EXPOSE")).split()
    if exposed and expected not in [each.partition("/")[0] for each in exposed]:
        yield failed("dockerfile", f"EXPOSE {' '.join(exposed)} is not the port that a Space asks, {expected}.", remedy)


def _health(lineage: list[Stage], expected: str) -> Iterator[Diagnosis]:
    checks = lineage[0].arguments("HEALTHCHECK")
    if not checks:
        yield warning("dockerfile", "There is no HEALTHCHECK.", f"Add one that asks port {expected}, path /api/health.")
        return
    asked = re.search(r"(?:localhost|127\.0\.0\.1):(\d+)", checks[-1])
    if asked and asked[1] != expected:
        yield failed("dockerfile", f"HEALTHCHECK asks port {asked[1]}.", f"Let it ask port {expected}.")
    if "curl" in checks[-1] and not any("curl" in stage.shell for stage in lineage):
        yield failed("dockerfile", "HEALTHCHECK calls curl, which is not installed.", "apt-get install curl.")


def _compilers(stages: list[Stage]) -> Iterator[Diagnosis]:
    building = [stage for stage in stages if re.search(r"\bpip3? install|\buv (pip|sync)", stage.shell)]
    if building and not any(re.search(r"\b(g\+\+|build-essential)", stage.shell) for stage in building):
        yield warning("dockerfile", "Packages are installed without gcc and g++.", COMPILERS)
