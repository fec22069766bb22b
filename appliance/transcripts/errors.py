"""What can go wrong between sound and transcript."""

from appliance.kernel.errors import Conflict, Invalid, NotFound, Refused, Unavailable


class TranscriptMissing(NotFound):
    """The meeting has none yet, or the asker may not know the meeting."""

    code = "transcript.missing"
    message = "There is no transcript of this meeting yet."
    hint = "Look at its job: hangjegyzet job list"


class SoundMissing(NotFound):
    """A step came before the one whose result it needs."""

    code = "transcript.sound_missing"
    message = "The document {name}, which this step needs, is not there."
    hint = "Retry the job from the step that writes it."


class UnknownLanguage(Invalid):
    """Not a language that the model in use knows."""

    code = "transcript.unknown_language"
    message = "The speech model does not know the language {language}."
    hint = "Give a two-letter code such as hu or en, or leave the language open."


class NothingRemovedThere(NotFound):
    """Somebody else put it back, or the number is none of ours."""

    code = "transcript.nothing_removed"
    message = "There is no removed text number {number} in this transcript."
    hint = "Read the transcript again: it may have been put back already."


class EditInvalid(Invalid):
    """An edit that makes no sense."""

    code = "transcript.edit_invalid"
    message = "This edit cannot be made: {reason}."


class SegmentMissing(NotFound):
    """Somebody deleted or merged it, or it never was."""

    code = "transcript.segment_missing"
    message = "There is no segment {segment} in this transcript."
    hint = "Read the transcript again: it may have been merged or deleted."


class ChangedMeanwhile(Conflict):
    """What an edit rests on was changed by somebody else."""

    code = "transcript.edit_conflict"
    message = "Somebody else changed this part of the transcript in the meantime."
    hint = "Look at the text as it is now, and make your change again."


class NothingToUndo(NotFound):
    """The person has made no edit that could be taken back, or made again."""

    code = "transcript.nothing_to_undo"
    message = "There is no edit of yours left to undo or to redo."


class CannotUndo(Conflict):
    """Taking it back would take back what somebody else did since."""

    code = "transcript.cannot_undo"
    message = "Your edit cannot be undone or redone: somebody else changed the same part since."
    hint = "Edit the text as it is now."


class UnknownFormat(Invalid):
    """No such export."""

    code = "transcript.unknown_format"
    message = "There is no export as {format}; there are: {known}."


class DeviceMissing(Refused):
    """The settings ask for hardware that is not there."""

    code = "speech.device_missing"
    message = "The settings ask for {device}, which cannot be used on this machine: {reason}."
    hint = "Set speech.device to auto or cpu, or install the driver and cuBLAS 12."


class NotEnoughMemory(Unavailable):
    """The model would not fit."""

    code = "speech.not_enough_memory"
    message = "The speech model needs about {needed} on the {where}; {free} is free."
    hint = "Free memory, choose a smaller model (hangjegyzet models use NAME), or set speech.compute_type to int8."
