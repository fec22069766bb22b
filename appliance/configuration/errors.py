"""What can go wrong with the configuration."""

from appliance.kernel.errors import Conflict, Invalid, NotFound, Refused, Unavailable


class ConfigurationMissing(NotFound):
    code = "configuration.missing"
    message = "There is no configuration at {path}."
    hint = "An installed appliance has one; on another machine, name it: --file PATH"


class ConfigurationUnreadable(Invalid):
    code = "configuration.unreadable"
    message = "{path} is not valid TOML: {reason}"
    hint = "Correct that line; nothing was changed."


class ConfigurationInvalid(Invalid):
    code = "configuration.invalid"
    message = "The configuration has {count} mistake(s):\n{problems}"
    hint = "docs/configuration.md lists every key. Nothing was changed."


class UnknownKey(NotFound):
    code = "configuration.unknown_key"
    message = "There is no setting {key}.{likely}"
    hint = "docs/configuration.md lists every key."


class NotASetting(Invalid):
    code = "configuration.not_a_setting"
    message = "{key} is a section of settings, not one of them."
    hint = "Name one of: {settings}"


class ApplyFailed(Unavailable):
    code = "configuration.apply_failed"
    message = "The configuration could not be applied: {task}: {reason}"
    hint = "{outcome}"


class ApplyBusy(Unavailable):
    code = "configuration.apply_busy"
    message = "The configuration is being applied already."
    hint = "Wait until that has ended."


class NeedsRoot(Refused):
    code = "configuration.needs_root"
    message = "Only root may change the machine."
    hint = "sudo hangjegyzet apply"


class ConfirmationAwaited(Conflict):
    code = "configuration.confirmation_awaited"
    message = "A change of {keys} waits for confirmation; nothing else is applied until then."
    hint = "hangjegyzet apply --confirm, or wait until it is undone."


class NothingToConfirm(Conflict):
    code = "configuration.nothing_to_confirm"
    message = "No change waits for confirmation."
    hint = "When it was undone, what you had is kept beside the file: appliance.toml.unconfirmed"


class ConfirmationUnwatched(Unavailable):
    code = "configuration.confirmation_unwatched"
    message = "Nothing was changed: what would undo the change of {keys} cannot be started: {reason}"
    hint = "journalctl -u hangjegyzet-confirmation. At the machine's own console: hangjegyzet apply --no-confirm"
