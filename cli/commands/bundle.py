"""``hangjegyzet bundle``: look at a bundle and check it, as a file, in parts, or unpacked; nothing is installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.kernel.clock import SystemClock
from appliance.kernel.units import format_bytes
from appliance.releases.contents import Contents, open_contents, read_limited
from appliance.releases.model import BundleKind, Manifest, Need, UpdatesManifest
from appliance.releases.policy import (
    HIGH_WATER_MARK_PATH,
    UPDATES_MARK_PATH,
    HighWaterMark,
    require_new_enough,
    require_updates_new_enough,
)
from appliance.releases.trust import TRUST_PATH, Trust
from appliance.releases.verification import (
    MANIFEST_NAME,
    MAX_MANIFEST_BYTES,
    Progress,
    Signed,
    bundled_trust,
    claimed_kind,
    read_manifest,
    read_updates_manifest,
    trust_for,
    verify_bundle,
    verify_updates,
)
from cli.output import print_fields, print_json, progress_bar, talk

app = typer.Typer(name="bundle", help="Bundles: check one, show what is inside.", no_args_is_help=True)

Source = Annotated[Path, typer.Argument(help="The .tar, its first part (.tar.001), or the unpacked folder.")]
Fingerprint = Annotated[
    str | None, typer.Option("--trust", help="Fingerprint of the root keys, from the printed sheet.", metavar="SHA256")
]
TrustFolder = Annotated[Path, typer.Option(help="Folder with the root keys that this machine trusts.")]
Mark = Annotated[Path, typer.Option(help="File with the number of the newest release that this machine has had.")]
UpdatesMark = Annotated[Path, typer.Option(help="The same for security updates of the operating system.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def verify(
    source: Source,
    fingerprint: Fingerprint = None,
    trust_folder: TrustFolder = TRUST_PATH,
    high_seq: Mark = HIGH_WATER_MARK_PATH,
    updates_high_seq: UpdatesMark = UPDATES_MARK_PATH,
    as_json: AsJson = False,
) -> None:
    """Check who signed it and every byte of it, without unpacking; exit code 3 if refused, 6 if damaged."""
    now = SystemClock().now()
    with open_contents(source) as contents, progress_bar("checking") as report:
        trust = trust_for(contents, folder=trust_folder, fingerprint=fingerprint)
        progress = _share_of(contents, report)
        if claimed_kind(contents) is BundleKind.UPDATES:
            updates = verify_updates(contents, trust=trust, now=now, progress=progress)
            require_updates_new_enough(updates.manifest, HighWaterMark(updates_high_seq).read())
            fields = {**_updates_fields(updates.manifest), **_signature_fields(updates.signed, trust)}
        else:
            found = verify_bundle(contents, trust=trust, now=now, progress=progress)
            require_new_enough(found.manifest, HighWaterMark(high_seq).read())
            fields = {**_fields(found.manifest), **_signature_fields(found.signed, trust)}
    _print(fields, as_json)
    talk.print(f"{source.name} is whole, and signed by whom this machine trusts.")


@app.command()
def show(source: Source, as_json: AsJson = False) -> None:
    """Show what a bundle says about itself; nothing of it is checked."""
    with open_contents(source) as contents:
        data = read_limited(contents, MANIFEST_NAME, MAX_MANIFEST_BYTES)
        if claimed_kind(contents) is BundleKind.UPDATES:
            fields = _updates_fields(read_updates_manifest(data, source=contents.label))
        else:
            fields = _fields(read_manifest(data, source=contents.label))
        fields["root_keys"] = bundled_trust(contents).fingerprint
    _print(fields, as_json)
    talk.print("This is what the bundle says. Whether it is true: hangjegyzet bundle verify", style="dim")


def _share_of(contents: Contents, report: Callable[[float], object]) -> Progress:
    total = max(1, sum(contents.sizes().values()))
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        report(done / total)

    return advance


def _fields(manifest: Manifest) -> dict[str, Any]:
    needs = manifest.requirements
    return {
        "product": manifest.product,
        "version": manifest.version,
        "release_seq": manifest.release_seq,
        "follows": f"{manifest.min_from} and later",
        "schema": f"{manifest.schema.oldest} to {manifest.schema.newest}",
        "target": str(manifest.target),
        "commit": manifest.commit,
        "built_at": manifest.built_at,
        "files": len(manifest.files),
        "size_bytes": sum(entry.bytes for entry in manifest.files.values()),
        "needs_disk_bytes": needs.disk_bytes,
        "needs_memory_bytes": needs.memory_bytes,
        "needs_cpu_flags": needs.cpu_flags,
        "models": manifest.models,
    }


def _updates_fields(manifest: UpdatesManifest) -> dict[str, Any]:
    return {
        "product": manifest.product,
        "kind": manifest.kind,
        "version": manifest.version,
        "release_seq": manifest.release_seq,
        "releases": manifest.releases,
        "target": str(manifest.target),
        "built_at": manifest.built_at,
        "files": len(manifest.files),
        "size_bytes": sum(entry.bytes for entry in manifest.files.values()),
        "needs_disk_bytes": manifest.disk_bytes,
        "packages": tuple(
            f"{package.name} {' or '.join(package.old) or 'new'} → {package.new} ({_NEEDS[package.need]})"
            for package in manifest.packages
        ),
    }


_NEEDS = {
    Need.NOTHING: "takes effect at once",
    Need.SERVICES: "takes effect when what uses it starts again",
    Need.REBOOT: "takes effect with the next start of the machine",
}


def _signature_fields(signed: Signed, trust: Trust) -> dict[str, Any]:
    statement = signed.statement
    return {
        "root_keys": trust.fingerprint,
        "release_key": statement.sha256,
        "release_key_grade": statement.grade,
        "release_key_until": statement.not_after,
    }


def _print(fields: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(fields)
        return
    print_fields({name.replace("_bytes", "").replace("_", " "): _shown(name, value) for name, value in fields.items()})


def _shown(name: str, value: Any) -> Any:
    if name.endswith("_bytes"):
        return format_bytes(value)
    return (", " if name != "packages" else "\n").join(value) if isinstance(value, tuple) else value
