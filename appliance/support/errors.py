"""What can go wrong with a support bundle."""

from appliance.kernel.errors import Conflict, Invalid, NotFound


class NothingCollected(NotFound):
    code = "support.nothing_collected"
    message = "Nothing is collected."
    hint = "hangjegyzet support bundle"


class NoSuchItem(NotFound):
    code = "support.no_such_item"
    message = "There is no part {name} in what was collected."
    hint = "They are: {known}"


class RecipientMissing(NotFound):
    code = "support.recipient_missing"
    message = "This release brings no key of the maker's, so that nothing can be sealed for them."
    hint = "Ask the maker for it: hangjegyzet config set support.recipient age1…"


class RecipientInvalid(Invalid):
    code = "support.recipient_invalid"
    message = "{recipient} is no age key that a bundle can be sealed to."
    hint = "It begins with age1 and has 62 characters."


class ExportExists(Conflict):
    code = "support.export_exists"
    message = "{path} is there already; an export never overwrites."
    hint = "Choose another folder."


class BundleStale(Conflict):
    code = "support.bundle_stale"
    message = "What was collected is {age_h} hours old."
    hint = "Collect it anew: hangjegyzet support bundle"
