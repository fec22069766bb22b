"""Machines in the registry: invited, let in once, handed keys for what they work on, drained, removed."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from appliance.audit import service as trail
from appliance.identity.errors import NotAllowed
from appliance.jobs.model import Queue
from appliance.kernel.actor import Actor, ActorKind
from appliance.keyring.errors import KeyDestroyed
from appliance.keyring.service import KeyRing
from appliance.nodes.errors import NodeExists, NodeNotFound, NodeRefused, NothingLeased, OtherRelease, TokenRefused
from appliance.nodes.model import NodeState, NodeView
from tests.factories.jobs import Worker, Workshop, saga_map
from tests.factories.nodes import ADDRESS, HOST, Machine, MainBox
from tests.fakes.steps import recording_saga


def joined(main_box: MainBox, machine: Machine, name: str = "lathe") -> NodeView:
    """A machine that was let in."""
    token = main_box.service.invite(main_box.operator, name, address=ADDRESS)
    main_box.service.admit(machine.knock(token.secret))
    return main_box.service.show(name)[0]


def shop_with_worker(main_box: MainBox) -> tuple[Workshop, Worker]:
    """Jobs, and a worker process on the machine."""
    shop = Workshop(main_box.db, main_box.tenant, main_box.keyring, main_box.audit, saga_map(recording_saga()))
    return shop, shop.worker(Queue.GENERAL, name=f"{HOST}:general:1:1", node=HOST)


def test_a_token_lets_in_one_machine_once(main_box: MainBox, machine: Machine) -> None:
    """The second machine with the same token is refused."""
    token = main_box.service.invite(main_box.operator, "lathe", address=ADDRESS)
    main_box.service.admit(machine.knock(token.secret))
    with pytest.raises(TokenRefused):
        main_box.service.admit(machine.knock(token.secret))
    assert main_box.service.show("lathe")[0].state is NodeState.JOINED
    assert main_box.events() == ["nodes:node:invited", "nodes:node:joined"]


def test_the_registry_keeps_no_token(main_box: MainBox) -> None:
    """Only its hash is in the database, and it is gone once used."""
    token = main_box.service.invite(main_box.operator, "lathe", address=ADDRESS)
    with main_box.db.owner.reading(None) as tx:
        row = tx.execute(text("SELECT node::text FROM node")).scalar_one()
    assert token.secret not in row


def test_a_token_is_good_for_one_address_and_a_while(main_box: MainBox, machine: Machine) -> None:
    """From elsewhere, too late, or made up: refused alike."""
    token = main_box.service.invite(main_box.operator, "lathe", address=ADDRESS)
    late = main_box.service.invite(main_box.operator, "mill", address=ADDRESS, lifetime=timedelta(seconds=-1))
    for knock in (
        machine.knock(token.secret, address="127.0.0.9"),
        machine.knock(late.secret),
        machine.knock("a" * 32),
    ):
        with pytest.raises(TokenRefused):
            main_box.service.admit(knock)


def test_another_release_is_turned_away_and_may_come_back(main_box: MainBox, machine: Machine) -> None:
    """Two versions of the steps never work on one job; the token stays good."""
    token = main_box.service.invite(main_box.operator, "lathe", address=ADDRESS)
    with pytest.raises(OtherRelease):
        main_box.service.admit(machine.knock(token.secret, release="9.9.9"))
    main_box.service.admit(machine.knock(token.secret))


def test_an_invitation_can_be_made_again_and_a_machine_cannot(main_box: MainBox, machine: Machine) -> None:
    """A new token for a name that nobody has used yet; a name in use is taken."""
    first = main_box.service.invite(main_box.operator, "lathe", address=ADDRESS)
    second = main_box.service.invite(main_box.operator, "lathe", address=ADDRESS)
    with pytest.raises(TokenRefused):
        main_box.service.admit(machine.knock(first.secret))
    main_box.service.admit(machine.knock(second.secret))
    with pytest.raises(NodeExists):
        main_box.service.invite(main_box.operator, "lathe", address=ADDRESS)


def test_only_somebody_at_the_machine_invites(main_box: MainBox) -> None:
    """No role of the portal includes it."""
    member = Actor(ActorKind.USER, main_box.tenant, "anna", permissions=frozenset({"user:manage"}))
    with pytest.raises(NotAllowed):
        main_box.service.invite(member, "lathe", address=ADDRESS)


def test_a_machine_is_known_by_certificate_and_address(main_box: MainBox, machine: Machine) -> None:
    """A copied certificate opens nothing from elsewhere."""
    node = joined(main_box, machine)
    assert main_box.service.known(node.serial, address=ADDRESS).name == "lathe"
    with pytest.raises(NodeRefused):
        main_box.service.known(node.serial, address="127.0.0.9")
    with pytest.raises(NodeRefused):
        main_box.service.known("00", address=ADDRESS)


def test_a_renewed_certificate_leaves_open_connections_alone(main_box: MainBox, machine: Machine) -> None:
    """The one before is good until the next renewal, and the one before that is not."""
    node = joined(main_box, machine)
    request = machine.knock("").request
    main_box.service.renew(node, request)
    assert main_box.service.known(node.serial, address=ADDRESS).serial != node.serial
    main_box.service.renew(node, request)
    with pytest.raises(NodeRefused):
        main_box.service.known(node.serial, address=ADDRESS)


def test_a_key_is_handed_only_for_a_step_under_way(main_box: MainBox, machine: Machine, keyring: KeyRing) -> None:
    """Before the lease, for another meeting, and after the step: nothing; each attempt that got it is in the trail."""
    node = joined(main_box, machine)
    shop, worker = shop_with_worker(main_box)
    meeting, other = shop.meeting(), shop.meeting()
    shop.start(meeting_id=meeting)
    with pytest.raises(NothingLeased):
        main_box.service.meeting_key(node, meeting)
    lease = worker.must_claim()
    with main_box.db.web.reading(main_box.tenant) as tx:
        expected = keyring.meeting_key(tx, meeting).key
    assert main_box.service.meeting_key(node, meeting) == main_box.service.meeting_key(node, meeting) == expected
    with pytest.raises(NothingLeased):
        main_box.service.meeting_key(node, other)
    worker.finish(lease)
    with pytest.raises(NothingLeased):
        main_box.service.meeting_key(node, meeting)
    assert main_box.events().count("nodes:meeting_key:handed") == 1


def test_the_key_of_a_deleted_meeting_is_not_handed(main_box: MainBox, machine: Machine) -> None:
    """Deletion reaches every machine in the moment of its commit."""
    node = joined(main_box, machine)
    shop, worker = shop_with_worker(main_box)
    meeting = shop.meeting()
    shop.start(meeting_id=meeting)
    worker.must_claim()
    main_box.service.meeting_key(node, meeting)
    with main_box.db.web.transaction(main_box.tenant) as tx:
        main_box.keyring.destroy_meeting_key(tx, meeting)
    with pytest.raises(KeyDestroyed):
        main_box.service.meeting_key(node, meeting)


def test_the_steps_of_one_machine_are_not_those_of_one_that_is_called_similarly(
    main_box: MainBox, machine: Machine
) -> None:
    """Names are compared whole: lathe/1 is not lathe/12."""
    machine.host = HOST[:-1]
    node = joined(main_box, machine)
    shop, worker = shop_with_worker(main_box)
    meeting = shop.meeting()
    shop.start(meeting_id=meeting)
    worker.must_claim()
    with pytest.raises(NothingLeased):
        main_box.service.meeting_key(node, meeting)


def test_a_drained_machine_is_told_so_and_can_be_resumed(main_box: MainBox, machine: Machine) -> None:
    """Its state is the registry's; what it has under way is shown."""
    joined(main_box, machine)
    assert main_box.service.drain(main_box.operator, "lathe").state is NodeState.DRAINING
    assert main_box.service.resume(main_box.operator, "lathe").state is NodeState.JOINED
    with pytest.raises(NodeNotFound):
        main_box.service.drain(main_box.operator, "mill")


def test_a_removed_machine_has_nothing_left(main_box: MainBox, machine: Machine) -> None:
    """Its certificate opens nothing, its role is dropped, and it is said how many keys it ever had."""
    node = joined(main_box, machine)
    shop, worker = shop_with_worker(main_box)
    meeting = shop.meeting()
    shop.start(meeting_id=meeting)
    worker.must_claim()
    main_box.service.meeting_key(node, meeting)
    gone: list[str] = []
    assert main_box.service.remove(main_box.operator, "lathe", lock_out=lambda each: gone.append(each.name)) == 1
    assert gone == ["lathe"]
    with pytest.raises(NodeRefused):
        main_box.service.known(node.serial, address=ADDRESS)
    assert main_box.service.registered() == []
    joined(main_box, machine)
    with main_box.db.worker.transaction(main_box.tenant) as tx:
        assert trail.verify(tx, main_box.tenant).intact


def test_workers_cannot_touch_the_registry(main_box: MainBox, machine: Machine) -> None:
    """A machine that was broken into cannot let in others, or take its own draining back."""
    joined(main_box, machine)
    for statement in ("SELECT name FROM node", "UPDATE node SET state = 'joined'", "DELETE FROM node"):
        with pytest.raises(Exception, match="permission denied"), main_box.db.worker.transaction(None) as tx:
            tx.execute(text(statement))
