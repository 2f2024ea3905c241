"""Fetch the browser libraries that Docent serves itself, as `app/static/vendor/manifest.json` pins them.

`python scripts/vendor_assets.py` refetches every file with npm and fails when a package or a file differs from the
manifest. To change a version: edit it in the manifest, run with `--accept`, read the diff, commit.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).parent.parent / "app" / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"


def fetch(package: dict[str, Any], folder: Path) -> Path:
    """The package's tarball, from the registry that npm is set up with."""
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{package['name']}@{package['version']}"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return folder / done.stdout.split()[-1]


def unpack(tarball: Path, package: dict[str, Any]) -> None:
    """Write the files that the manifest names, each without the folders that it has in the package."""
    folder = VENDOR / package["name"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tarfile.open(tarball) as archive:
        for name in package["files"]:
            member = archive.extractfile(f"package/{name}")
            if member is None:
                raise FileNotFoundError(f"{package['name']} has no file {name}")
            (folder / Path(name).name).write_bytes(member.read())


def seen(tarball: Path, package: dict[str, Any]) -> dict[str, Any]:
    """The manifest's entry as the fetched package would have it; `integrity` is npm's own notation."""
    digest = hashlib.sha512(tarball.read_bytes()).digest()
    folder = VENDOR / package["name"]
    files = {name: hashlib.sha256((folder / Path(name).name).read_bytes()).hexdigest() for name in package["files"]}
    return {**package, "integrity": f"sha512-{base64.b64encode(digest).decode()}", "files": files}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--accept", action="store_true", help="write what was fetched into the manifest")
    accept = arguments.parse_args().accept
    pinned = json.loads(MANIFEST.read_text())
    fetched = []
    with tempfile.TemporaryDirectory() as folder:
        for package in pinned:
            tarball = fetch(package, Path(folder))
            unpack(tarball, package)
            fetched.append(seen(tarball, package))
    if accept:
        MANIFEST.write_text(json.dumps(fetched, indent=2) + "\n")
        return 0
    differing = [new["name"] for new, old in zip(fetched, pinned, strict=True) if new != old]
    if differing:
        sys.stderr.write(f"Other files than the manifest pins: {', '.join(differing)}. See --help.\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
