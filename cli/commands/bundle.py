"""``hangjegyzet bundle``: look at a bundle and check it, as a file, in parts, or unpacked; nothing is installed."""

from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.kernel.clock import SystemClock
from appliance.kernel.units import format_bytes
from appliance.releases.contents import Contents, open_contents, read_limited
from appliance.releases.model import Manifest
from appliance.releases.policy import HIGH_WATER_MARK_PATH, HighWaterMark, require_new_enough
from appliance.releases.trust import TRUST_PATH, Trust
from appliance.releases.verification import (
    MANIFEST_NAME,
    MAX_MANIFEST_BYTES,
    VerifiedBundle,
    bundled_trust,
    read_manifest,
    trust_for,
    verify_bundle,
)
from cli.output import print_fields, print_json, progress_bar, talk

app = typer.Typer(name="bundle", help="Bundles: check one, show what is inside.", no_args_is_help=True)

Source = Annotated[Path, typer.Argument(help="The .tar, its first part (.tar.001), or the unpacked folder.")]
Fingerprint = Annotated[
    str | None, typer.Option("--trust", help="Fingerprint of the root keys, from the printed sheet.", metavar="SHA256")
]
TrustFolder = Annotated[Path, typer.Option(help="Folder with the root keys that this machine trusts.")]
Mark = Annotated[Path, typer.Option(help="File with the number of the newest release that this machine has had.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def verify(
    source: Source,
    fingerprint: Fingerprint = None,
    trust_folder: TrustFolder = TRUST_PATH,
    high_seq: Mark = HIGH_WATER_MARK_PATH,
    as_json: AsJson = False,
) -> None:
    """Check who signed it and every byte of it, without unpacking; exit code 3 if refused, 6 if damaged."""
    with open_contents(source) as contents:
        trust = trust_for(contents, folder=trust_folder, fingerprint=fingerprint)
        found = _verify(contents, trust)
        require_new_enough(found.manifest, HighWaterMark(high_seq).read())
        fields = {**_fields(found.manifest), **_signature_fields(found, trust)}
    _print(fields, as_json)
    talk.print(f"{source.name} is whole, and signed by whom this machine trusts.")


@app.command()
def show(source: Source, as_json: AsJson = False) -> None:
    """Show what a bundle says about itself; nothing of it is checked."""
    with open_contents(source) as contents:
        manifest = read_manifest(read_limited(contents, MANIFEST_NAME, MAX_MANIFEST_BYTES), source=contents.label)
        fields = {**_fields(manifest), "root_keys": bundled_trust(contents).fingerprint}
    _print(fields, as_json)
    talk.print("This is what the bundle says. Whether it is true: hangjegyzet bundle verify", style="dim")


def _verify(contents: Contents, trust: Trust) -> VerifiedBundle:
    total = max(1, sum(contents.sizes().values()))
    done = 0
    with progress_bar("checking") as report:

        def advance(count: int) -> None:
            nonlocal done
            done += count
            report(done / total)

        return verify_bundle(contents, trust=trust, now=SystemClock().now(), progress=advance)


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


def _signature_fields(found: VerifiedBundle, trust: Trust) -> dict[str, Any]:
    statement = found.signed.statement
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
    return ", ".join(value) if isinstance(value, tuple) else value
