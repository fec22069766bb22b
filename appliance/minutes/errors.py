"""What can go wrong with minutes."""

from appliance.kernel.errors import Corrupt, Invalid, NotFound


class MinutesNotFound(NotFound):
    """The meeting has no minutes yet, or may not be seen."""

    code = "minutes.not_found"
    message = "There are no minutes of this meeting."
    hint = "Wait until its job is done, or start it again: hangjegyzet job retry JOB --from-step minutes"


class MinutesDamaged(Corrupt):
    """The stored minutes cannot be read."""

    code = "minutes.damaged"
    message = "The stored minutes of this meeting are damaged."
    hint = "Write them again: hangjegyzet job retry JOB --from-step minutes"


class NothingSaid(Invalid):
    """A transcript without a single word: there is nothing to write minutes of."""

    code = "minutes.nothing_said"
    message = "The transcript has no words, so that there is nothing to write minutes of."
    hint = "Listen to the recording; passages that were removed can be restored in the transcript."


class UnknownFormat(Invalid):
    """Minutes are not exported in that form."""

    code = "minutes.unknown_format"
    message = "Minutes are exported as json or md, not as {format}."


class NoTranscript(Invalid):
    """A file that was given as a transcript is none."""

    code = "minutes.no_transcript"
    message = "{file} is not a transcript: {reason}."
    hint = "Give the JSON that hangjegyzet speech run FILE --json prints."
