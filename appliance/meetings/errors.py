"""What can go wrong with meetings, uploads and recordings."""

from appliance.kernel.errors import Invalid, Unavailable

# --- What a file must be, to become a recording -------------------------------------------------------------------


class MediaRefused(Invalid):
    """The file cannot become a recording; each reason is a class of its own."""

    code = "media.refused"
    message = "This file cannot be used as a recording."


class EmptyFile(MediaRefused):
    """Not one byte."""

    code = "media.empty"
    message = "The file is empty: it holds no bytes at all."
    hint = "Check on the device that made it that the recording was saved, and send it again."


class NotMedia(MediaRefused):
    """The content is no audio or video, whatever the file's name says."""

    code = "media.not_media"
    message = "The file is not a recording: its content is {content}."
    hint = "Send an audio or video file: wav, mp3, m4a, flac, ogg, opus, webm, wma, mp4, mov or mkv."


class PointsElsewhere(MediaRefused):
    """A playlist or reference file, which would make the appliance open other files or addresses."""

    code = "media.points_elsewhere"
    message = "The file is {content}: it holds no sound itself, it points to other files or addresses."
    hint = "Send the recording itself. The appliance never follows such references."


class NoAudio(MediaRefused):
    """A video or picture without a sound track."""

    code = "media.no_audio"
    message = "The file ({container}) has no sound track."
    hint = "Check that the microphone was on, or export the recording with its sound."


class UnsupportedAudio(MediaRefused):
    """A container that we open with a sound track that we cannot or do not decode."""

    code = "media.unsupported"
    message = "The sound track is {codec}, which the appliance does not decode."
    hint = "Convert it to flac, m4a or mp3 and send it again."


class EncryptedMedia(MediaRefused):
    """Copy protection, a password, or encryption by somebody's key."""

    code = "media.encrypted"
    message = "The file is protected ({protection}): nobody can listen to it without its key."
    hint = "Remove the protection with the program that applied it, then send the unprotected recording."


class Truncated(MediaRefused):
    """The end is missing; transcribing the rest would pass for the whole meeting."""

    code = "media.truncated"
    message = "The recording breaks off: {found_s:.0f} s of {expected} could be read."
    hint = "Send the file again. If the device itself lost the end, export what is left with an audio editor and send that."


class ZeroLength(MediaRefused):
    """A valid file whose sound track lasts no time."""

    code = "media.zero_length"
    message = "The recording has a sound track, but it lasts {duration_s:.2f} s."
    hint = "Check on the device that made it that the recording ran."


class Silent(MediaRefused):
    """Nothing above the noise of an unplugged microphone."""

    code = "media.silent"
    message = "The recording is silent: its loudest moment is {peak_dbfs:.0f} dB below full scale."
    hint = "Check that the microphone was on and not muted."


class TooLong(MediaRefused):
    """Longer than the appliance was told to accept."""

    code = "media.too_long"
    message = "The recording lasts {duration}; the limit is {limit}."
    hint = "Cut it into parts, or raise upload.max_duration_s in the settings."


class DamagedMedia(MediaRefused):
    """The container opens, and the sound in it cannot be decoded."""

    code = "media.damaged"
    message = "The sound track ({codec}) is damaged: {damaged} of {packets} packets could not be decoded."
    hint = "Send the file again, or export the recording anew from the program that holds the original."


class DecoderLimit(MediaRefused):
    """Decoding asked for more memory or time than any honest recording needs."""

    code = "media.decoder_limit"
    message = "Decoding this file was stopped: it asked for more {resource} than a recording may take."
    hint = "Convert it to flac, m4a or mp3 and send it again; a file that does this may have been made to do harm."


class DecoderCrashed(MediaRefused):
    """The sandboxed decoder died over this file; nothing else was harmed."""

    code = "media.decoder_crashed"
    message = "The decoder gave up on this file (signal {signal})."
    hint = "Convert it to flac, m4a or mp3 and send it again; a file that does this may have been made to do harm."


class DecoderUnavailable(Unavailable):
    """The sandbox itself did not start or answer: the machine's fault, not the file's."""

    code = "media.decoder_unavailable"
    message = "The media decoder is not available: {reason}."
    hint = "Try again; if it stays so, look at the speech worker's log and at the machine's free memory."
