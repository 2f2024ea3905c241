"""What would go wrong after the upload, found before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from app.deploy.errors import DeployError
from app.deploy.files import exposed, is_text
from app.deploy.values import broken_keys, unreachable
from app.doctor.cors import check_previews, origin_of
from app.doctor.diagnosis import Diagnosis, Verdict
from app.doctor.dockerfile import check_text
from app.doctor.settings import check_settings
from app.gate.origins import Origins
from app.settings import Settings
from chains.errors import SettingsError
from chains.setting_problems import SettingProblem


def require_sound(settings: Settings, problems: Iterable[SettingProblem]) -> list[str]:
    """Warnings: values that were tidied, addresses that a Space cannot reach.

    Raises:
        SettingsError: values that are malformed, all at once.
    """
    found = check_settings(settings, [*problems, *broken_keys(settings)])
    if bad := [each for each in found if each.verdict is Verdict.FAILED]:
        raise SettingsError("\n".join(f"{each.says} {each.remedy}" for each in bad))
    near = [
        f"{name} names a host of this machine or network, which a Space cannot reach." for name in unreachable(settings)
    ]
    return [each.says for each in found if each.verdict is Verdict.WARNING] + near


def origins_for(settings: Settings, frontend: str | None, space: str) -> str:
    """ALLOWED_ORIGINS of the Space: the sites', and the Space's own address for Swagger UI.

    Raises:
        SettingsError: the frontend is no address, ALLOWED_ORIGINS does not let it in, or there is neither.
    """
    said = settings.origins if "allowed_origins" in settings.model_fields_set else []
    if frontend is None and not said:
        raise SettingsError("Name your site with --frontend https://your-app.vercel.app, or set ALLOWED_ORIGINS.")
    try:
        origin = origin_of(frontend) if frontend else None
    except ValueError as error:
        raise SettingsError(f"--frontend: {error}.") from None
    if origin and said and not Origins(settings).admit(origin, ""):
        whole = ",".join([*said, origin])
        raise SettingsError(
            f"ALLOWED_ORIGINS does not let {origin} in, and its browsers would say: blocked by CORS policy. "
            f"Set ALLOWED_ORIGINS={whole}, or remove it: --frontend is then allowed by itself."
        )
    wanted = [*(said or [origin or ""]), space]
    return ",".join(dict.fromkeys(wanted))


def warn_of_previews(settings: Settings, frontend: str | None) -> Iterator[str]:
    """Preview deployments of the site, which no list of origins names."""
    for each in check_previews(settings, frontend) if frontend else []:
        if each.verdict is Verdict.WARNING:
            yield f"{each.says} {each.remedy}"


def require_safe(files: dict[str, bytes], secrets: Iterable[str]) -> None:
    """
    Raises:
        DeployError: a file holds a secret's value, or the Dockerfile is none that a Space can build and run.
    """
    if found := exposed(files, secrets):
        raise DeployError(
            f"{', '.join(found[:5])}: a secret's value is in there, and the Space would show it. Remove it."
        )
    faults: list[Diagnosis] = check_text(files["Dockerfile"].decode(), _readme(files))
    if bad := [each for each in faults if each.verdict is Verdict.FAILED]:
        raise DeployError("\n".join(f"Dockerfile: {each.says} {each.remedy}" for each in bad))


def _readme(files: dict[str, bytes]) -> str:
    return files["README.md"].decode()


def require_docs(docs: Path | None) -> None:
    """
    Raises:
        SettingsError: there is no such folder, or no text in it.
    """
    if docs is None:
        return
    if not docs.is_dir():
        raise SettingsError(f"--docs: {docs} is not a folder.")
    pages = (path for path in docs.rglob("*") if path.suffix in (".md", ".mdx") and path.is_file())
    if not any(is_text(page.read_bytes()) for page in pages):
        raise SettingsError(f"--docs: {docs} holds no page (*.md, *.mdx).")
