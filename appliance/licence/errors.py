"""What can be wrong with a licence."""

from appliance.kernel.errors import Invalid, NotFound, Refused


class LicenceMissing(NotFound):
    code = "licence.missing"
    message = "There is no licence on this machine."
    hint = "It is on trial; that ends nothing. With a file from the maker: hangjegyzet licence install FILE"


class LicenceUnreadable(Invalid):
    code = "licence.unreadable"
    message = "{source} is no licence: {reason}"
    hint = "Take the file as the maker sent it."


class LicenceForged(Refused):
    code = "licence.forged"
    message = "{source} was not signed by whom this machine trusts: {reason}"
    hint = "Ask the maker for it again."


class LicenceOlder(Refused):
    code = "licence.older"
    message = "{source} was issued on {issued}; this machine has one of {present}."
    hint = "Keep the newer one."
