"""What can go wrong with taking the appliance off."""

from appliance.kernel.errors import Invalid, Refused, Unavailable


class NotConfirmed(Refused):
    code = "erasure.not_confirmed"
    message = "Nothing was done: {typed} is not this machine's name."
    hint = "Type {host}, when this is the machine that you mean."


class CannotErase(Unavailable):
    code = "erasure.cannot_erase"
    message = "Nothing but keys may be gone: {task}: {reason}"
    hint = "Mend it, and run the same command again: it goes on where it stopped."


class OtherBegun(Refused):
    code = "erasure.other_begun"
    message = "Another one was begun at {began}, which {does}; it has not ended."
    hint = "Repeat that one: hangjegyzet uninstall{option}"


class CertificateUnreadable(Invalid):
    code = "erasure.certificate_unreadable"
    message = "{path} is no erase certificate: {reason}"
    hint = "Take the file that the machine wrote, unchanged."


class CertificateExists(Refused):
    code = "erasure.certificate_exists"
    message = "{path} is there already."
    hint = "Name another file: --certificate FILE"
