"""The list of software inside, as CycloneDX 1.6: Python's packages, Debian's, browser code, and what wheels bring."""

import hashlib
import json
import re
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from images.bundle.wheels import canonical, wheel_metadata

SBOM_NAME = "sbom.cdx.json"
INSIDE = Path(__file__).with_name("inside.toml")
_NAMESPACE = uuid.UUID("6f0a4c1e-5c11-5b5e-9d0e-0f6f2f1d7a55")


def write_sbom(folder: Path, *, source: Path, version: str, commit: str, built_at: str) -> None:
    """Write the list beside what it lists.

    Args:
        folder: the bundle, with its wheels and packages.
        source: the exported project, which knows licences and browser code.
    """
    root = {
        "type": "application",
        "bom-ref": f"pkg:pypi/hangjegyzet@{version}",
        "name": "hangjegyzet",
        "version": version,
        "licenses": [{"expression": "Apache-2.0"}],
        "purl": f"pkg:pypi/hangjegyzet@{version}",
    }
    found = [*_wheels(folder, source), *_debs(folder), *_browser(source), *_inside()]
    components = sorted((entry for entry in found if entry["bom-ref"] != root["bom-ref"]), key=lambda c: c["bom-ref"])
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{version} {commit}')}",
        "version": 1,
        "metadata": {"timestamp": built_at, "component": root},
        "components": components,
        "dependencies": [{"ref": root["bom-ref"], "dependsOn": [component["bom-ref"] for component in components]}],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / SBOM_NAME).write_text(f"{text}\n", encoding="utf-8")


def _wheels(folder: Path, source: Path) -> Iterator[dict[str, Any]]:
    described = tomllib.loads((source / "images" / "dependencies.toml").read_text(encoding="utf-8"))["licences"]
    for wheel in sorted((folder / "wheels").glob("*.whl")):
        fields = wheel_metadata(wheel)
        name, version = canonical(fields["Name"]), fields["Version"]
        licence = described.get(name, "").partition(";")[0] or fields["License-Expression"]
        yield _component(name, version, f"pkg:pypi/{name}@{quote(version)}", _sha256(wheel), licence)


def _debs(folder: Path) -> Iterator[dict[str, Any]]:
    index = "\n\n".join(path.read_text("utf-8").strip() for path in sorted(folder.glob("debs*/Packages")))
    for record in index.strip().split("\n\n"):
        fields: dict[str, str] = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", record, flags=re.MULTILINE))
        name, version = fields["Package"], fields["Version"]
        # The licences of a package of Debian's are in its own copyright file.
        purl = f"pkg:deb/debian/{name}@{quote(version)}?arch={fields['Architecture']}&distro=debian-12"
        yield _component(name, version, purl, fields["SHA256"], None)


def _browser(source: Path) -> Iterator[dict[str, Any]]:
    packages = json.loads((source / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for path, package in packages.items():
        name = path.removeprefix("node_modules/")
        if name and not package.get("dev"):
            licence = re.sub(r"^BSD-0-Clause$", "0BSD", package["license"])
            version = package["version"]
            yield _component(name, version, f"pkg:npm/{name.replace('@', '%40')}@{version}", None, licence)


def _inside() -> Iterator[dict[str, Any]]:
    for entry in tomllib.loads(INSIDE.read_text(encoding="utf-8"))["libraries"]:
        reference = f"pkg:generic/{entry['name']}?in={entry['wheel']}"
        component = _component(entry["name"], entry.get("version"), reference, None, entry["licence"])
        component["externalReferences"] = [{"type": "distribution", "url": entry["source"]}]
        component["description"] = f"inside the wheel of {entry['wheel']}"
        yield component


def _component(name: str, version: str | None, purl: str, sha256: str | None, licence: str | None) -> dict[str, Any]:
    component: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": name, "purl": purl}
    if version is not None:
        component["version"] = version
    if sha256 is not None:
        component["hashes"] = [{"alg": "SHA-256", "content": sha256}]
    if licence is not None:
        component["licenses"] = [{"expression": licence}]
    return component


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
