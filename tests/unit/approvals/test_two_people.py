"""The two-person rule with real keys: what two people signed passes once, and nothing else does."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.adapters.ssh_signatures import SshKeygen
from appliance.approvals import errors
from appliance.approvals.approvers import read_approvers
from appliance.approvals.model import Host, Request, Verb, digest, read_request, write_request
from appliance.approvals.service import ApprovalService
from appliance.approvals.store import ApprovalStore
from appliance.kernel.clock import FixedClock
from tests.factories.approvers import Person, SecurityKeyPerson

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HOST = Host("box.example", "0" * 32)
ACT = {"minutes": "30", "reason": "the disk is full"}


@dataclass
class Site:
    """A machine, its clock and its people."""

    folder: Path
    clock: FixedClock
    people: dict[str, Person]

    def service(self, host: Host = HOST) -> ApprovalService:
        store = ApprovalStore(self.folder / "approvals", approvers_file=self.folder / "approvers")
        return ApprovalService(store, SshKeygen(), self.clock, host=host)

    def asked(self, verb: Verb = Verb.BREAK_GLASS, arguments: dict[str, str] | None = None) -> Request:
        request, _ = self.service().request(verb, arguments or ACT, reason="an outage", by="dora")
        return request

    def signed(self, request: Request, *names: str) -> None:
        for name in names:
            self.service().add_signature(request.id, self.people[name].sign(write_request(request)))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Person]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: Person(name, folder) for name in ("anna", "bela@example.com", "cili")}


@pytest.fixture
def site(tmp_path: Path, people: dict[str, Person]) -> Site:
    site = Site(tmp_path, FixedClock(NOW), people)
    site.service().enrol("".join(person.line for person in people.values()).encode(), executor="root")
    return site


def require(site: Site, *, arguments: dict[str, str] = ACT, executor: str = "root"):
    return site.service().require(Verb.BREAK_GLASS, arguments, executor=executor)


def test_what_two_people_signed_passes_once(site: Site):
    """An approval is used up by the act that it allows."""
    request = site.asked()
    site.signed(request, "anna", "bela@example.com")
    approval = require(site)
    assert [one.person for one in approval.signed] == ["anna", "bela@example.com"]
    assert approval.document == write_request(request)
    with pytest.raises(errors.ApprovalNeeded):
        require(site)


def test_a_used_request_that_is_put_back_stays_used(site: Site):
    """Copying the file and its signatures back does not help: the nonce was written down before the act."""
    request = site.asked()
    site.signed(request, "anna", "cili")
    kept = {path.name: path.read_bytes() for path in (site.folder / "approvals" / "requests").iterdir()}
    require(site)
    for name, data in kept.items():
        (site.folder / "approvals" / "requests" / name).write_bytes(data)
    with pytest.raises(errors.RequestSpent, match="2026-11-23T08:00:00Z"):
        require(site)


def test_nobody_passes_without_a_request(site: Site):
    """The refusal says what to type."""
    with pytest.raises(errors.ApprovalNeeded) as refusal:
        require(site)
    assert refusal.value.remedy.endswith("approval request break-glass minutes=30 'reason=the disk is full'")


@pytest.mark.parametrize("names", [(), ("anna",), ("anna", "anna")], ids=str)
def test_fewer_than_two_people_are_not_enough(site: Site, names: tuple[str, ...]):
    """One person who signs twice is one person."""
    site.signed(site.asked(), *names)
    with pytest.raises(errors.ApprovalIncomplete):
        require(site)


def test_two_keys_of_one_person_are_one_person(tmp_path: Path, people: dict[str, Person]):
    """Somebody with a spare key does not approve alone."""
    spare = Person("anna", tmp_path, key="spare")
    site = Site(tmp_path, FixedClock(NOW), people)
    site.service().enrol((people["anna"].line + spare.line + people["cili"].line).encode(), executor="root")
    request = site.asked()
    site.signed(request, "anna")
    site.service().add_signature(request.id, spare.sign(write_request(request)))
    with pytest.raises(errors.ApprovalIncomplete, match="approved by anna"):
        require(site)


def test_the_executor_counts_as_one_of_two_and_no_more(site: Site):
    """Whoever carries it out may be an approver, with another beside them."""
    site.signed(site.asked(), "bela@example.com")
    with pytest.raises(errors.ApprovalIncomplete):
        require(site, executor="bela")
    (request,) = site.service().list()
    site.signed(request.request, "cili")
    assert require(site, executor="bela") is not None


def test_changed_arguments_are_refused_and_both_are_told(site: Site):
    """An approval of thirty minutes is none of a day."""
    site.signed(site.asked(), "anna", "cili")
    with pytest.raises(errors.ArgumentsChanged) as refusal:
        require(site, arguments={**ACT, "minutes": "1440"})
    assert "minutes=30" in str(refusal.value)
    assert "minutes=1440" in str(refusal.value)


def test_an_old_request_is_refused(site: Site):
    """After its time nothing passes, and no signature is taken."""
    request = site.asked()
    site.signed(request, "anna", "cili")
    site.clock.advance(timedelta(hours=24))
    with pytest.raises(errors.RequestExpired):
        require(site)
    with pytest.raises(errors.RequestExpired):
        site.signed(request, "bela@example.com")


def test_a_request_from_the_future_is_refused(site: Site):
    """A clock that was set back does not bring an old approval to life unseen."""
    site.signed(site.asked(), "anna", "cili")
    site.clock.advance(timedelta(hours=-1))
    with pytest.raises(errors.RequestFromTheFuture):
        require(site)


def test_a_request_of_another_machine_is_refused(site: Site):
    """What was approved for the trial machine does not hold for the real one."""
    site.signed(site.asked(), "anna", "cili")
    with pytest.raises(errors.RequestOfAnotherMachine):
        site.service(Host("box.example", "1" * 32)).require(Verb.BREAK_GLASS, ACT, executor="root")


def test_a_signature_of_something_else_does_not_count(site: Site, tmp_path: Path):
    """Another file, another purpose, another person's key: each is refused with its own words."""
    request = site.asked()
    anna, service = site.people["anna"], site.service()
    with pytest.raises(errors.SignatureWrong, match="anna did not sign"):
        service.add_signature(request.id, anna.sign(write_request(request) + b" "))
    with pytest.raises(errors.SignatureInvalid, match="another purpose"):
        service.add_signature(request.id, anna.sign(write_request(request), namespace="git"))
    with pytest.raises(errors.SignerUnknown, match="SHA256:"):
        service.add_signature(request.id, Person("zoli", tmp_path).sign(write_request(request)))


def test_signatures_that_lie_there_are_checked_again(site: Site):
    """A file that somebody put beside the request is worth what its signature is."""
    request = site.asked()
    site.signed(request, "anna")
    wrong = site.people["cili"].sign(b"something else")
    (site.folder / "approvals" / "requests" / f"{request.id}.cili.sig").write_bytes(wrong)
    with pytest.raises(errors.ApprovalIncomplete, match="by anna"):
        require(site)


def test_a_security_key_counts_when_somebody_touched_it(tmp_path: Path, people: dict[str, Person]):
    """A FIDO2 signature is checked by ssh-keygen as any other, and has to tell of a finger."""
    dora = SecurityKeyPerson("dora")
    site = Site(tmp_path, FixedClock(NOW), people)
    site.service().enrol((dora.line + people["anna"].line).encode(), executor="root")
    request = site.asked()
    with pytest.raises(errors.SignatureInvalid, match="touched"):
        site.service().add_signature(request.id, dora.sign(write_request(request), touched=False))
    site.service().add_signature(request.id, dora.sign(write_request(request)))
    site.signed(request, "anna")
    assert require(site) is not None


def test_new_approvers_take_two_of_the_old(site: Site, tmp_path: Path):
    """Nobody makes friends approvers alone; the very list is what is approved."""
    zoli = Person("zoli", tmp_path)
    new = (site.people["anna"].line + zoli.line).encode()
    with pytest.raises(errors.ApprovalNeeded) as refusal:
        site.service().enrol(new, executor="root")
    assert "zoli SHA256:" in str(refusal.value)
    request = site.asked(Verb.CHANGE_APPROVERS, read_approvers(new).arguments())
    site.signed(request, "anna", "cili")
    approvers, approval = site.service().enrol(new, executor="root")
    assert approvers.people == ("anna", "zoli")
    assert approval is not None


@pytest.mark.parametrize("change", ["edited", "removed", "put there"])
def test_a_list_that_nobody_enrolled_stops_everything(site: Site, change: str):
    """Whoever edits the file by hand has no approver more, and no rule less."""
    file = site.folder / "approvers"
    if change == "edited":
        file.write_text(file.read_text().replace("cili", "zoli"))
    elif change == "removed":
        file.unlink()
    else:
        (site.folder / "approvals" / "enrolled").unlink()
    with pytest.raises(errors.ApproversChanged):
        require(site)


def test_before_anybody_is_enrolled_nothing_is_asked(tmp_path: Path, people: dict[str, Person]):
    """A machine on trial has no rule yet; its health says so."""
    site = Site(tmp_path, FixedClock(NOW), people)
    assert require(site) is None


def test_what_was_used_waits_for_the_trail(site: Site):
    """With the database away, the approval is kept until it can be put into the chain."""
    site.signed(site.asked(), "anna", "cili")
    approval = require(site, executor="dora")
    assert site.service().unrecorded() == [(approval, "dora")]
    site.service().mark_recorded(approval)
    assert site.service().unrecorded() == []


def test_the_digest_binds_the_arguments(site: Site):
    """A request whose words and digest differ cannot be read at all."""
    request = site.asked()
    forged = write_request(request).replace(b'"minutes": "30"', b'"minutes": "31"')
    assert digest(ACT).encode() in forged
    with pytest.raises(errors.RequestInvalid, match="digest"):
        read_request(forged)
