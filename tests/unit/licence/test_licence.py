"""A licence grants and never takes away: who signed it, what follows on which day, and what it may stop."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.health.checks.licence import LicenceState
from appliance.health.checks.licence import licence as licence_check
from appliance.health.model import Severity
from appliance.kernel.clock import FixedClock
from appliance.licence.errors import LicenceForged, LicenceMissing, LicenceOlder, LicenceUnreadable
from appliance.licence.model import Licence, State, standing, write
from appliance.licence.service import LicenceService
from appliance.licence.verification import read_licence
from appliance.meetings.errors import LicenceEnded
from appliance.releases.model import Purpose
from appliance.releases.trust import REVOCATIONS_NAME, STATEMENT_NAME, root_name, signature_name, signed_document
from images.release_keys.licences import licence_for, sign_licence
from tests.factories.bundles import Maker

START = datetime(2026, 11, 1, tzinfo=UTC)
MAKER = Maker(purposes=(Purpose.LICENCE,))


def granted(days: int = 365, issued: datetime = START, **changes: object) -> Licence:
    values = {"name": "HJ-2026-0001", "people": 20, "starts": START, "days": days, "grace_days": 30} | changes
    return licence_for("Kékfa Egyesület", issued=issued, **values)


def file_of(maker: Maker, folder: Path, licence: Licence | None = None) -> bytes:
    """As the maker signs it, with the statement that lies in their folder of keys."""
    if not folder.exists():
        maker.signer(folder)
    vouched = signed_document(folder, STATEMENT_NAME)
    return sign_licence(licence or granted(), maker.release, public=maker.release_pem, vouched=vouched)


class Site:
    """A machine that trusts the maker."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, FixedClock(START + timedelta(days=1))
        (folder / "trust").mkdir()
        for number, pem in enumerate(MAKER.trust.pems, 1):
            (folder / "trust" / root_name(number)).write_bytes(pem)

    @property
    def service(self) -> LicenceService:
        """As a fresh process opens it."""
        return LicenceService(
            self.folder / "license.json",
            trust_folder=self.folder / "trust",
            mark_file=self.folder / "state" / "seen.json",
            clock=self.clock,
        )

    def install(self, data: bytes) -> Licence:
        (self.folder / "new.json").write_bytes(data)
        return self.service.install(self.folder / "new.json")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return file_of(MAKER, tmp_path_factory.mktemp("maker") / "keys")


def test_without_a_licence_everything_works(site: Site):
    """A trial ends nothing."""
    assert site.service.standing().state is State.TRIAL
    site.service.require_new_recordings()


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (-1, State.EARLY),
        (0, State.VALID),
        (364, State.VALID),
        (365, State.GRACE),
        (394, State.GRACE),
        (395, State.ENDED),
    ],
)
def test_what_follows_on_which_day(day: int, expected: State):
    """Valid to the last day, then as many days of grace as it says."""
    assert standing(granted(), now=START + timedelta(days=day), seen=None).state is expected


def test_only_the_end_of_the_grace_stops_new_recordings(site: Site, genuine: bytes):
    """Before it nothing is refused; after it, that alone."""
    site.install(genuine)
    for day in (1, 364, 366, 394):
        site.clock = FixedClock(START + timedelta(days=day))
        site.service.require_new_recordings()
    site.clock = FixedClock(START + timedelta(days=395))
    with pytest.raises(LicenceEnded, match="2027-11-01"):
        site.service.require_new_recordings()


def test_a_clock_that_is_set_back_lengthens_nothing(site: Site, genuine: bytes):
    """The latest time that was seen counts."""
    site.install(genuine)
    site.clock = FixedClock(START + timedelta(days=400))
    assert site.service.standing().state is State.ENDED
    site.clock = FixedClock(START + timedelta(days=10))
    assert site.service.standing().state is State.ENDED
    with pytest.raises(LicenceEnded):
        site.service.require_new_recordings()


def test_a_new_licence_opens_it_again(site: Site, genuine: bytes, tmp_path: Path):
    """At once; an older one does not take the place of a newer."""
    site.install(genuine)
    newer = file_of(MAKER, tmp_path / "keys", granted(days=800, issued=START + timedelta(days=300)))
    site.clock = FixedClock(START + timedelta(days=400))
    assert site.service.standing().state is State.ENDED
    site.install(newer)
    assert site.service.standing().state is State.VALID
    with pytest.raises(LicenceOlder):
        site.install(genuine)


def test_a_damaged_file_stops_nobody(site: Site, genuine: bytes):
    """Health tells; people go on working."""
    site.install(genuine)
    (site.folder / "license.json").write_bytes(genuine[:-20])
    site.service.require_new_recordings()
    with pytest.raises(LicenceUnreadable):
        site.service.standing()


def test_what_was_signed_by_somebody_else_is_refused(site: Site, genuine: bytes, tmp_path: Path):
    """Another maker, a key that may sign bundles alone, a key that had ended: each leaves what was there."""
    site.install(genuine)
    others = {
        "another maker": Maker(purposes=(Purpose.LICENCE,)),
        "a key for bundles": Maker(roots=MAKER.roots, purposes=(Purpose.BUNDLE,)),
        "one root signature": Maker(roots=MAKER.roots, purposes=(Purpose.LICENCE,), root_signatures=(2,)),
        "an ended key": Maker(
            roots=MAKER.roots, purposes=(Purpose.LICENCE,), not_before=datetime(2020, 1, 1, tzinfo=UTC)
        ),
    }
    for name, maker in others.items():
        with pytest.raises(LicenceForged):
            site.install(file_of(maker, tmp_path / name.replace(" ", "-")))
    assert site.service.present() == granted()


def test_a_revoked_key_counts_no_more(site: Site, genuine: bytes, tmp_path: Path):
    """Whenever it signed."""
    site.install(genuine)
    revoking = Maker(roots=MAKER.roots).revoking(MAKER)
    revoking.signer(tmp_path / "revoking")
    for name in (REVOCATIONS_NAME, *(signature_name(REVOCATIONS_NAME, number) for number in (1, 3))):
        (site.folder / "trust" / name).write_bytes((tmp_path / "revoking" / name).read_bytes())
    with pytest.raises(LicenceForged, match="revoked"):
        site.service.present()


def test_no_file_is_told(site: Site):
    """With what to do."""
    with pytest.raises(LicenceMissing):
        site.service.install(site.folder / "nothing.json")


@settings(max_examples=300)
@given(at=st.integers(0, 100_000), bit=st.integers(0, 7))
def test_no_bit_of_a_licence_can_flip(genuine: bytes, at: int, bit: int):
    """It grants what was signed, or nothing."""
    data = bytearray(genuine)
    data[at % len(data)] ^= 1 << bit
    with suppress(LicenceForged, LicenceUnreadable):
        assert read_licence(bytes(data), MAKER.trust, source="it") == granted()


@settings(max_examples=300)
@given(data=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_no_bytes_break_the_reader(data: bytes):
    """What is none is refused by name, however deep or long."""
    for each in (data, b"[" * 5000, data * 1000):
        with pytest.raises(LicenceUnreadable):
            read_licence(each, MAKER.trust, source="it")


def test_a_grant_is_written_in_one_way(genuine: bytes):
    """Signing the same grant again gives the same bytes."""
    assert write(read_licence(genuine, MAKER.trust, source="it")) == write(granted())


@pytest.mark.parametrize(
    ("state", "days", "people", "expected"),
    [
        ("trial", 0, 3, Severity.OK),
        ("valid", 100, 20, Severity.OK),
        ("valid", 100, 21, Severity.WARNING),
        ("valid", 29, 3, Severity.WARNING),
        ("early", 0, 3, Severity.WARNING),
        ("grace", 12, 3, Severity.WARNING),
        ("ended", 0, 3, Severity.CRITICAL),
    ],
)
def test_health_tells_in_time(state: str, days: int, people: int, expected: Severity):
    """A month before the end, through the grace, and when new recordings stop; more people are told, not refused."""
    finding = licence_check(lambda: LicenceState(state, days, "Kékfa", people, 20)).look()
    assert finding.severity is expected
    assert bool(finding.remedy) == (expected is not Severity.OK)
