"""The variables: which are malformed, which came with blanks or quotes, and which a deployment lacks."""

from __future__ import annotations

from collections.abc import Sequence

from app.doctor.diagnosis import Diagnosis, failed, ok, skipped, warning
from app.settings import Settings, require_what_is_chosen
from app.stand_ins import stand_ins
from chains.errors import SettingsError
from chains.setting_problems import UNTIDY, SettingProblem

SPACES_PORT = 7860


def check_settings(settings: Settings, problems: Sequence[SettingProblem]) -> list[Diagnosis]:
    """Each malformed value, each untidy one, and what only a provider's module can judge."""
    found = [failed("settings", f"{problem.variable}: {problem.says}.", problem.remedy) for problem in problems]
    try:
        require_what_is_chosen(settings)
    except SettingsError as error:
        found.append(failed("settings", str(error), "Put that right, or choose another CHAT_PROVIDER."))
    found += [
        warning("settings", f"{variable} {UNTIDY}.", "Copy the value again, without blanks and quotes.")
        for variable in settings.untidy
    ]
    return found or [ok("settings", "Every value is well-formed.")]


def check_deployment(settings: Settings) -> list[Diagnosis]:
    """What the deployment guide demands of a service that others use."""
    if not settings.production:
        return [skipped("deployment", "ENVIRONMENT is development: nothing is demanded.")]
    found = [
        warning("deployment", f"{each.variable} is not set: {each.says}.", each.remedy) for each in stand_ins(settings)
    ]
    if settings.space_id and settings.port != SPACES_PORT:
        says = f"PORT is {settings.port}, and Hugging Face sends requests to the README's app_port, {SPACES_PORT}."
        found.append(warning("deployment", says, f"Remove PORT, or set app_port to {settings.port} in README.md."))
    return found or [ok("deployment", "Everything that a deployment needs is set.")]
