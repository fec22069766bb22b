"""What can go wrong with an approval."""

from appliance.kernel.errors import Conflict, Corrupt, Invalid, NotFound, Refused, Unavailable


class ApprovalNeeded(Refused):
    code = "approvals.needed"
    message = "This takes the approval of two people, and there is none for it: {act}."
    hint = "Ask for it: hangjegyzet approval request {words}"


class ArgumentsChanged(Refused):
    code = "approvals.arguments_changed"
    message = "What was approved is something else. Approved ({id}): {approved}. Now: {act}."
    hint = "Do what was approved, or ask for this: hangjegyzet approval request {words}"


class ApprovalIncomplete(Refused):
    code = "approvals.incomplete"
    message = "The request {id} is approved by {signers}; two different people are needed."
    hint = "What an approver does: hangjegyzet approval show {id}"


class OnlyTheExecutor(Refused):
    code = "approvals.only_the_executor"
    message = "{executor} would carry out what nobody else approved."
    hint = "Another approver has to sign too: hangjegyzet approval show {id}"


class RequestExpired(Refused):
    code = "approvals.expired"
    message = "The request {id} was valid until {expires_at}; the clock says {now}."
    hint = "Ask anew: hangjegyzet approval request {words}"


class RequestFromTheFuture(Refused):
    code = "approvals.from_the_future"
    message = "The request {id} was made at {created_at}; the clock says {now}."
    hint = "Set the machine's clock."


class RequestOfAnotherMachine(Refused):
    code = "approvals.another_machine"
    message = "The request {id} is for {host}, and this is {here}."
    hint = "Ask on this machine: hangjegyzet approval request {words}"


class RequestSpent(Refused):
    code = "approvals.spent"
    message = "The request {id} was used on {spent_at}; an approval holds once."
    hint = "Ask anew: hangjegyzet approval request {words}"


class RequestUnknown(NotFound):
    code = "approvals.request_unknown"
    message = "There is no request {id}."
    hint = "hangjegyzet approval list"


class RequestInvalid(Invalid):
    code = "approvals.request_invalid"
    message = "This is no request that could be approved: {reason}"
    hint = "Ask anew on the machine: hangjegyzet approval request"


class ArgumentsInvalid(Invalid):
    code = "approvals.arguments_invalid"
    message = "This cannot be asked for: {reason}"
    hint = "What there is: hangjegyzet approval request --help"


class SignatureInvalid(Invalid):
    code = "approvals.signature_invalid"
    message = "This is no signature that counts: {reason}"
    hint = "Sign the request as it is: ssh-keygen -Y sign -n hangjegyzet-approval -f KEY FILE"


class SignatureWrong(Refused):
    code = "approvals.signature_wrong"
    message = "{person} did not sign this request: {reason}"
    hint = "Fetch the request again from the machine and sign that file, unchanged."


class SignerUnknown(Refused):
    code = "approvals.signer_unknown"
    message = "The key {key} belongs to nobody who may approve."
    hint = "Who may: hangjegyzet approval approvers"


class ApproversInvalid(Invalid):
    code = "approvals.approvers_invalid"
    message = "This is no list of approvers: {reason}"
    hint = "One line a key, as ssh-keygen takes it: NAME ssh-ed25519 AAAA…; two people at least."


class ApproversChanged(Corrupt):
    code = "approvals.approvers_changed"
    message = "{path} is not the list of approvers that was enrolled: {reason}"
    hint = "Find out who changed it. Put the enrolled list back; a new one takes two people: hangjegyzet approval enrol"


class SignatureToolMissing(Unavailable):
    code = "approvals.tool_missing"
    message = "Signatures cannot be checked: {reason}"
    hint = "The bundle brings openssh-client; run its install.sh again."


class RequestStoreFull(Conflict):
    code = "approvals.store_full"
    message = "There are {count} requests that wait already."
    hint = "Drop those that nobody needs: hangjegyzet approval drop"
