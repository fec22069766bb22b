"""What can go wrong with meetings, uploads and recordings."""

from appliance.kernel.errors import Conflict, Corrupt, Invalid, NotFound, Refused, Unavailable

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
    hint = (
        "Send the file again. If the device itself lost the end, "
        "export what is left with an audio editor and send that."
    )


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


# --- Meetings ---------------------------------------------------------------------------------------------------------


class MeetingNotFound(NotFound):
    """No such meeting, or one that the asker may not know of."""

    code = "meeting.not_found"
    message = "There is no meeting {meeting_id}."
    hint = "It may have been deleted, or belong to somebody else. See your list of meetings."


class BadCursor(Invalid):
    """A page of the list was asked for with a cursor that the list never gave out."""

    code = "meeting.bad_cursor"
    message = "The list cannot be continued from here: the cursor is not one of ours."
    hint = "Start again from the first page."


class TitleInvalid(Invalid):
    """A title that cannot be shown on one line."""

    code = "meeting.title_invalid"
    message = "The title cannot be used: {reason}."
    hint = "Give it between 1 and {max_length} characters on one line."


class NoRecording(NotFound):
    """The meeting has no recording to listen to."""

    code = "meeting.no_recording"
    message = "Meeting {meeting_id} has no recording."


class DocumentChanged(Conflict):
    """Two writers of the same document met."""

    code = "meeting.document_changed"
    message = "The document {name} was changed in the meantime."
    hint = "Read it again, then repeat the change."


# --- Uploads ----------------------------------------------------------------------------------------------------------


class UploadNotFound(NotFound):
    """No such upload: finished long ago, given up, or somebody else's."""

    code = "upload.not_found"
    message = "There is no upload {upload_id}."
    hint = "An upload that nothing arrives for is given up after two days. Start again with the same file."


class UploadTooLarge(Invalid):
    """The declared size is over the limit; not one byte was taken."""

    code = "upload.too_large"
    message = "The file has {size}; the limit is {limit}."
    hint = (
        "Send the sound alone (m4a, opus or flac), cut the recording into parts, "
        "or raise upload.max_bytes in the settings."
    )


class UploadInvalid(Invalid):
    """What was said about the file makes no sense."""

    code = "upload.invalid"
    message = "The upload cannot start: {reason}."
    hint = "Give a file name and its size in bytes."


class VocabularyTooLong(Invalid):
    """More names and terms than an engine can keep in mind."""

    code = "vocabulary.too_long"
    message = "The names and terms to expect are too long: together {size} bytes of at most {most}."
    hint = "Keep those that are misheard most; an accented letter counts twice."


class TooManyUploads(Conflict):
    """One person has begun more uploads than they may leave unfinished."""

    code = "upload.too_many"
    message = "You have {count} uploads that are not finished; {limit} are allowed at a time."
    hint = (
        "Choose one of those files again: it goes on where it broke off. "
        "An upload that nothing arrives for is given up after two days; GET /api/v1/uploads lists yours."
    )


class LicenceEnded(Refused):
    """The maker's licence ended, and its grace too; what is here stays open to everybody."""

    code = "upload.licence_ended"
    message = "The licence ended on {ended}; new recordings are not taken."
    hint = "What is here can be read, exported and deleted as ever. An administrator can install a new licence."


class StorageFull(Unavailable):
    """The disk cannot hold the recording next to what is promised to other uploads."""

    code = "upload.storage_full"
    message = "There is no room for {needed}: {free} are free on the appliance."
    hint = "Delete meetings that are no longer needed, or ask the operator for a larger disk; then try again."


class OffsetMismatch(Conflict):
    """The slice does not begin where the appliance's copy ends; ``offset`` says where it does."""

    code = "upload.offset_mismatch"
    message = "The slice begins at byte {given}, the next byte needed is {offset}."
    hint = "Go on from byte {offset}."


class UploadBusy(Conflict):
    """Another request is writing to the same upload at this moment."""

    code = "upload.busy"
    message = "Another request is sending bytes of upload {upload_id}; the next byte needed was {offset} when it began."
    hint = "Wait a few seconds, ask for the offset and go on from there."


class UploadFinished(Conflict):
    """Nothing can be added to an upload that has become a meeting."""

    code = "upload.finished"
    message = "Upload {upload_id} is complete and has become meeting {meeting_id}."


class SliceInvalid(Invalid):
    """A slice with impossible bounds."""

    code = "upload.slice_invalid"
    message = "The slice cannot be taken: {reason}."
    hint = (
        "A slice begins and ends at a multiple of {chunk_bytes} bytes (the last one ends with the file) "
        "and has at most {slice_bytes} bytes."
    )


class SliceDamaged(Invalid):
    """The bytes of a slice are not those that its sender counted; nothing of the slice was kept."""

    code = "upload.slice_damaged"
    message = "The slice at byte {offset} arrived damaged: its SHA-256 is not the one announced."
    hint = "Send the slice again from byte {offset}."


class UploadIncomplete(Conflict):
    """Completed too early."""

    code = "upload.incomplete"
    message = "The upload has {offset} of {size} bytes."
    hint = "Send the rest from byte {offset}, then complete it."


class UploadDamaged(Corrupt):
    """The whole file, read back and decrypted, is not the one that was announced."""

    code = "upload.damaged"
    message = "The stored file is not the one that was sent: {reason}."
    hint = "Delete the upload and send the file again. If it happens twice, check the file and the appliance's disk."


# --- Blobs ------------------------------------------------------------------------------------------------------------


class BlobMissing(Corrupt):
    """A recording's file is gone although its meeting is there."""

    code = "blob.missing"
    message = "The stored recording {name} is missing."
    hint = "Restore it from the last backup; the transcript and the minutes are kept elsewhere and are not affected."


class RecordingAway(Unavailable):
    """A restore still owes it, and the disk of the backups cannot be read just now."""

    code = "blob.away"
    message = "This recording is still on the disk of the backups, and that cannot be read just now."
    hint = "An administrator connects that disk again (hangjegyzet restore status). Transcript and minutes are here."


class BlobBusy(Conflict):
    """Somebody else is writing this blob."""

    code = "blob.busy"
    message = "Blob {name} is being written by another process."


class BlobStored(Conflict):
    """A stored blob never changes."""

    code = "blob.stored"
    message = "Blob {name} is complete and cannot be written any more."
