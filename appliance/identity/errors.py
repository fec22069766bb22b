"""What can go wrong with people, passwords and sessions."""

from appliance.kernel.errors import Conflict, Invalid, NotFound, Refused, Unavailable


class NotSignedIn(Refused):
    """Nobody is signed in, or the session has ended."""

    code = "identity.not_signed_in"
    message = "You are not signed in, or your session has ended."
    hint = "Sign in again."


class NotAllowed(Refused):
    """The person's role does not include this."""

    code = "identity.not_allowed"
    message = "Your role does not allow this ({permission})."
    hint = "Ask an administrator."


class WrongCredentials(Refused):
    """E-mail address or password is wrong; which of them is not said, so that nobody can list accounts."""

    code = "identity.wrong_credentials"
    message = "The e-mail address or the password is not right."
    hint = "Check both. An administrator can give you a new one-time code."


class TooManyAttempts(Unavailable):
    """The limit of attempts is used up for now."""

    code = "identity.too_many_attempts"
    message = "Too many attempts. Try again in {retry_after_s} seconds."
    hint = "A browser that you have signed in with before is counted on its own."


class SignInBusy(Unavailable):
    """Too many passwords are being checked at this moment; memory for that is bounded."""

    code = "identity.busy"
    message = "Many people are signing in at this moment."
    hint = "Try again in a few seconds."


class WrongCode(Refused):
    """The one-time code is unknown, used or expired."""

    code = "identity.wrong_code"
    message = "This one-time code is not valid: it is mistyped, was used already, or has expired."
    hint = "Make a new one: hangjegyzet user first-code, or hangjegyzet user reset EMAIL."


class WeakPassword(Invalid):
    """The password does not meet the policy; ``reason`` says in which way."""

    code = "identity.weak_password"
    message = "Choose another password: {reason}"
    hint = "Several unrelated words make a password that is long and easy to remember."


class InvalidEmail(Invalid):
    """This is not an e-mail address."""

    code = "identity.invalid_email"
    message = "{email} is not an e-mail address."
    hint = "Write it as name@example.org."


class InvalidName(Invalid):
    """The display name is empty, too long, or has control characters."""

    code = "identity.invalid_name"
    message = "A name has 1 to {longest} characters, on one line."


class EmailTaken(Conflict):
    """Another account has this address."""

    code = "identity.email_taken"
    message = "There is an account with the address {email} already."


class AdministratorExists(Conflict):
    """The first administrator can be made once only."""

    code = "identity.administrator_exists"
    message = "This appliance has an administrator already."
    hint = "Reset an account instead: hangjegyzet user reset EMAIL"


class LastAdministrator(Conflict):
    """The change would leave nobody who can administer."""

    code = "identity.last_administrator"
    message = "{email} is the last administrator who can sign in."
    hint = "Make somebody else an administrator first."


class UserNotFound(NotFound):
    """No such account."""

    code = "identity.user_not_found"
    message = "There is no account {user}."


class SessionNotFound(NotFound):
    """No such session of this person."""

    code = "identity.session_not_found"
    message = "There is no such session, or it has ended already."
