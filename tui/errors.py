"""What can go wrong with sticks in front of the console."""

from appliance.kernel.errors import Invalid, Unavailable


class StickRefused(Unavailable):
    code = "console.stick_refused"
    message = "{folder} cannot be written: {reason}"
    hint = "The request waits all the same, in {path}. Copy it to where approvers can take it: cp {path} FOLDER"


class StickUnread(Invalid):
    code = "console.stick_unread"
    message = "{path} cannot be read: {reason}"
    hint = "See what is there: ls -l /media"
