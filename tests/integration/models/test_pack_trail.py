"""The audit trail knows who gave this machine which model, whenever and however that was done."""

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.audit import queries, service
from appliance.audit.service import AuditTrail
from appliance.kernel.ids import TenantId
from appliance.models.manifest import write_manifest
from appliance.models.service import ModelRegistry
from appliance.models.trail import PackTrail
from tests.factories.database import TestDatabase
from tests.factories.packs import a_folder, a_pack, members, sha256


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(tmp_path / "models", actor="anna")


@pytest.fixture
def trail(db: TestDatabase, audit: AuditTrail, tenant: TenantId, tmp_path: Path) -> PackTrail:
    return PackTrail(db.worker, audit, folder=tmp_path / "models", tenant_id=tenant)


def install(registry: ModelRegistry, folder: Path, name: str) -> None:
    registry.import_pack(a_folder(folder / name, members(a_pack(name))))


def events(db: TestDatabase, tenant: TenantId) -> list[tuple[str, str, dict[str, Any]]]:
    """Name, actor and facts of everything in the trail, which must hold."""
    with db.owner.reading(tenant) as tx:
        assert service.verify(tx, tenant).intact
        return [(one.name, one.actor_name, json.loads(one.detail)) for one in queries.iterate(tx, tenant)]


def test_what_was_done_before_there_was_a_trail_is_not_lost(
    db: TestDatabase, tenant: TenantId, registry: ModelRegistry, trail: PackTrail, tmp_path: Path
) -> None:
    """Setup installs packs on a machine without a database; whoever audits it later sees which, with their hashes."""
    install(registry, tmp_path, "first")
    install(registry, tmp_path, "second")
    registry.use("second")
    registry.gc(unused=True)
    assert trail.hand_over() == 5
    found = events(db, tenant)
    assert [(name, facts["pack"]) for name, _, facts in found] == [
        ("models:pack:installed", "first"),
        ("models:pack:used", "first"),
        ("models:pack:installed", "second"),
        ("models:pack:used", "second"),
        ("models:pack:removed", "first"),
    ]
    assert {actor for _, actor, _ in found} == {"anna"}
    used = found[3][2]
    assert (used["seat"], used["before"]) == ("text", "first")
    assert used["manifest_sha256"] == sha256(write_manifest(a_pack("second")))
    assert found[2][2]["hashes"] == "manifest"


def test_nothing_is_recorded_twice(
    db: TestDatabase, tenant: TenantId, registry: ModelRegistry, trail: PackTrail, tmp_path: Path
) -> None:
    """The command and the leader both hand over; each deed is one event, and the same deed again another."""
    install(registry, tmp_path, "first")
    assert [trail.hand_over(), trail.hand_over()] == [2, 0]
    registry.use("first")
    assert [trail.hand_over(), trail.hand_over()] == [1, 0]
    registry.use("first")
    assert trail.hand_over() == 1
    assert len(events(db, tenant)) == 4


def test_a_torn_line_stops_nothing(
    db: TestDatabase, tenant: TenantId, registry: ModelRegistry, trail: PackTrail, tmp_path: Path
) -> None:
    """A power cut in the middle of a line, or one that a newer release wrote, does not hide those around it."""
    install(registry, tmp_path, "first")
    history = tmp_path / "models" / "history.jsonl"
    torn = b'{"at": "2026-0\n[]\n{"action": "polished", "pack": "first"}\n'
    history.write_bytes(history.read_bytes() + torn)
    registry.use("first")
    assert trail.hand_over() == 3
    assert len(events(db, tenant)) == 3


def test_a_machine_without_packs_has_nothing_to_tell(trail: PackTrail) -> None:
    """No folder, no history, no event."""
    assert trail.hand_over() == 0
