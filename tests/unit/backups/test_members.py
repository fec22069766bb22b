"""A member of a cluster takes its database back neither by a restore nor by the way back of an upgrade."""

from pathlib import Path

import pytest

from appliance.backups.errors import KeptByCluster
from appliance.backups.restore import Wish
from appliance.entry.restores import restore
from appliance.entry.upgrades import membership
from appliance.settings import ClusterSettings, Settings

MEMBERS = ("a=10.20.0.11", "b=10.20.0.12", "c=10.20.0.13")


def settings_of(folder: Path, *members: str) -> Settings:
    """A machine's settings, with a cluster or without."""
    cluster = ClusterSettings(name="a" if members else None, members=members)
    return Settings(data_dir=folder, cluster=cluster)


def test_a_restore_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    """The reason and the way that there is; no word is told of any step."""
    told: list[str] = []
    with pytest.raises(KeptByCluster) as refused:
        restore(settings_of(tmp_path, *MEMBERS), Wish(), told.append, key=None, signer=None, afresh=False)
    assert "begin a cluster there" in refused.value.remedy
    assert (told, list(tmp_path.iterdir())) == ([], [])


def test_a_release_is_refused_on_a_member_alone(tmp_path: Path) -> None:
    """One box has nothing to be told."""
    assert membership(settings_of(tmp_path)) == ()
    (finding,) = membership(settings_of(tmp_path, *MEMBERS))
    assert "docs/cluster.md" in finding
