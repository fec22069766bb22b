"""What can go wrong with more machines than one."""

from appliance.kernel.errors import Conflict, Corrupt, Invalid, NotFound, Refused, Unavailable


class InvalidNodeName(Invalid):
    code = "nodes.invalid_name"
    message = "{name} cannot be the name of a machine."
    hint = "Begin with a letter; then letters, digits and hyphens, at most 31 in all, in lower case."


class InvalidToken(Invalid):
    code = "nodes.invalid_token"
    message = "This is not the whole token."
    hint = "Copy it in one piece, as `hangjegyzet node token` printed it on the main box."


class NodeExists(Conflict):
    code = "nodes.exists"
    message = "There is a machine {name} already."
    hint = "Take another name, or remove it first: hangjegyzet node remove {name}"


class NodeNotFound(NotFound):
    code = "nodes.not_found"
    message = "There is no machine {name}."
    hint = "Those there are: hangjegyzet node list"


class TokenRefused(Refused):
    """Wrong, used, expired, or from another address: which of them is not said to the asker."""

    code = "nodes.token_refused"
    message = "The main box does not take this token."
    hint = (
        "It is good once, for a while, and for one address. Make another: hangjegyzet node token NAME --address ADDRESS"
    )


class NodeRefused(Refused):
    code = "nodes.refused"
    message = "The main box does not know this machine (any more)."
    hint = "Join again with a new token, or find out on the main box who removed it: hangjegyzet audit export"


class NothingLeased(Refused):
    code = "nodes.nothing_leased"
    message = "This machine has no step of that meeting under way."


class MainBoxRefuses(Unavailable):
    """On a worker: another machine may do what this one may not, so a step that meets it is tried again."""

    code = "nodes.main_box_refuses"
    message = "The main box hands this machine nothing ({reason})."
    hint = "On the main box: hangjegyzet node show NAME. A machine that was removed joins again with a new token."


class OtherRelease(Refused):
    code = "nodes.other_release"
    message = "This machine runs {own}, the main box {main}."
    hint = "Machines that work together run the same release: install that of the main box."


class AuthorityDiffers(Corrupt):
    code = "nodes.authority_differs"
    message = "What answers at {address} is not the machine that made the token."
    hint = "Somebody may be listening in between. Compare the address, and make a new token on the main box itself."


class DoorUnavailable(Unavailable):
    code = "nodes.door_unavailable"
    message = "The main box does not answer at {address}: {reason}"
    hint = "On the main box: systemctl status hangjegyzet-nodes. On both: hangjegyzet config diff; hangjegyzet apply"


class NotEmpty(Refused):
    code = "nodes.not_empty"
    message = "This machine holds {meetings} meeting(s) of its own; as a worker it would no longer serve them."
    hint = "Join a machine that was installed for this."


class AddressMissing(Refused):
    code = "nodes.address_missing"
    message = "This machine has no address for others yet."
    hint = "Say under which address others reach it: hangjegyzet config set nodes.address ADDRESS; hangjegyzet apply"


class NoMainBox(Refused):
    code = "nodes.no_main_box"
    message = "This machine has joined no other one."
    hint = "On the main box: hangjegyzet node token NAME --address ADDRESS. Here: hangjegyzet node join ADDRESS TOKEN"


class StillWorking(Unavailable):
    code = "nodes.still_working"
    message = "{name} still has {steps} step(s) under way after {waited_s} s; it takes no new ones."
    hint = "Ask again: hangjegyzet node show {name}. Steps of a machine that is gone are taken back by themselves."


class AuthorityDamaged(Corrupt):
    code = "nodes.authority_damaged"
    message = "The certificate authority in {folder} cannot be used: {reason}"
    hint = "Put its folder and its key back from the backup. Without them every machine has to join again."


class RequestInvalid(Invalid):
    code = "nodes.request_invalid"
    message = "The request cannot be read: {reason}"


class InvitationDamaged(Corrupt):
    code = "nodes.invitation_damaged"
    message = "This is no invitation, it was changed, or the code is another one."
    hint = "Type the code again. If that does not help, make a new one: hangjegyzet cluster invite NAME FILE"


class NoSuchMember(NotFound):
    code = "nodes.no_such_member"
    message = "{name} is no member of this cluster."
    hint = "Its members are: {members}"


class NoCluster(Refused):
    code = "nodes.no_cluster"
    message = "This machine is in no cluster."
    hint = "Begin one: hangjegyzet cluster begin --help"


class ClusterExists(Conflict):
    code = "nodes.cluster_exists"
    message = "This machine is in a cluster already, as {name}."
    hint = "See it: hangjegyzet cluster show"


class ClusterUnknown(Unavailable):
    code = "nodes.cluster_unknown"
    message = "The cluster's state cannot be asked here: {reason}"
    hint = "Look at this member's keeper: systemctl status hangjegyzet-patroni hangjegyzet-etcd"
