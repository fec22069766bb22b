"""What people do to transcripts: edit, undo, redo; one at a time, each on top of what the others did."""

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database, Tx
from appliance.kernel.actor import Actor
from appliance.kernel.clock import Clock
from appliance.kernel.ids import MeetingId
from appliance.meetings.access import AccessWindow
from appliance.meetings.service import MeetingService
from appliance.speakers.documents import TurnStore
from appliance.transcripts.documents import TranscriptStore
from appliance.transcripts.editing import (
    Change,
    Edit,
    Replace,
    Replaced,
    Restore,
    apply,
    inverse,
    segments_of,
    touched,
)
from appliance.transcripts.errors import CannotUndo, ChangedMeanwhile, NothingToUndo, SegmentMissing
from appliance.transcripts.journal import Entry
from appliance.transcripts.model import Segment, SpeakerName, Transcript
from appliance.transcripts.ports import TranscriptWatcher


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit changed, and what its author can do next."""

    revision: int
    segments: tuple[Segment, ...]
    gone: tuple[int, ...]
    names: dict[str, SpeakerName]
    can_undo: bool
    can_redo: bool


@dataclass(frozen=True, slots=True)
class Steps:
    """The edits of one person that can be taken back, and made again, newest last."""

    done: tuple[Entry, ...]
    undone: tuple[Entry, ...]


def steps_of(entries: Sequence[Entry], actor: Actor) -> Steps:
    """What is left to undo and to redo for one person; an edit of theirs ends what could be made again."""
    done: list[Entry] = []
    undone: list[Entry] = []
    for entry in entries:
        if entry.author != actor.user_id:
            continue
        if done and entry.undoes == done[-1].revision:
            done.pop()
            undone.append(entry)
        elif undone and entry.undoes == undone[-1].revision:
            undone.pop()
            done.append(entry)
        else:
            done.append(entry)
            undone.clear()
    return Steps(tuple(done), tuple(undone))


class TranscriptEditing:
    """The use cases of editing; a transcript is edited by whoever may edit its meeting."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        audit: AuditTrail,
        meetings: MeetingService,
        transcripts: TranscriptStore,
        turns: TurnStore,
        watchers: Sequence[TranscriptWatcher] = (),
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._meetings = meetings
        self._transcripts = transcripts
        self._turns = turns
        self._watchers = watchers
        self._told = AccessWindow()

    def state(self, actor: Actor, meeting_id: MeetingId) -> Edited:
        """The newest revision, with no segments, and what the person can take back.

        Raises:
            MeetingNotFound: there is no such meeting of ``actor``'s own.
            TranscriptMissing: it has no transcript yet.
        """
        with self._database.transaction(actor.tenant_id) as tx:
            self._meetings.check_editable(tx, actor, meeting_id)
            transcript = self._transcripts.load(tx, meeting_id)
            self._record(tx, AuditName.TRANSCRIPT_READ, actor, meeting_id)
            return self._edited(tx, actor, meeting_id, transcript, ())

    def current(self, actor: Actor, meeting_id: MeetingId, segments: Sequence[int]) -> Edited:
        """These segments as they are now, for somebody whose edit met another one; raises what ``state`` does."""
        with self._database.transaction(actor.tenant_id) as tx:
            self._meetings.check_editable(tx, actor, meeting_id)
            transcript = self._transcripts.load(tx, meeting_id)
            self._record(tx, AuditName.TRANSCRIPT_READ, actor, meeting_id)
            return self._edited(tx, actor, meeting_id, transcript, segments)

    def preview(self, actor: Actor, meeting_id: MeetingId, replace: Replace) -> tuple[Replaced, ...]:
        """What a replacement would change; raises what ``state`` does, and EditInvalid without anything to find."""
        with self._database.transaction(actor.tenant_id) as tx:
            self._meetings.check_editable(tx, actor, meeting_id)
            found = replace.preview(self._transcripts.load(tx, meeting_id))
            self._record(tx, AuditName.TRANSCRIPT_READ, actor, meeting_id)
        return found

    def edit(self, actor: Actor, meeting_id: MeetingId, edit: Edit, *, base: int) -> Edited:
        """Make an edit of somebody who knows the revision ``base``; later edits of other segments do not matter.

        Raises:
            MeetingNotFound, TranscriptMissing: as for ``state``.
            ChangedMeanwhile: what the edit is about was changed after ``base``.
            EditInvalid, SegmentMissing, NothingRemovedThere: the edit makes no sense.
        """
        with self._database.transaction(actor.tenant_id) as tx:
            self._meetings.check_editable(tx, actor, meeting_id)
            self._transcripts.lock(tx, meeting_id)
            transcript = self._transcripts.load(tx, meeting_id)
            since = self._transcripts.entries(tx, meeting_id, after=base)
            if base < self._transcripts.begin(tx, meeting_id) or (isinstance(edit, Restore) and since):
                raise ChangedMeanwhile
            heard = self._turns.get(tx, meeting_id) if isinstance(edit, Restore) else None
            try:
                change = edit.change(transcript, heard[0] if heard else ())
            except SegmentMissing as missing:
                if since:
                    raise ChangedMeanwhile from missing
                raise
            if any(touched(change) & touched(entry.change) for entry in since):
                raise ChangedMeanwhile
            edited = self._keep(tx, actor, meeting_id, transcript, change)
            self._tell(tx, actor, meeting_id, edit, edited.revision)
        return edited

    def undo(self, actor: Actor, meeting_id: MeetingId) -> Edited:
        """Take back the person's newest edit.

        Raises:
            MeetingNotFound, TranscriptMissing: as for ``state``.
            NothingToUndo: there is none.
            CannotUndo: somebody else changed the same part since.
        """
        return self._step(actor, meeting_id, back=True)

    def redo(self, actor: Actor, meeting_id: MeetingId) -> Edited:
        """Make again what the person took back last; raises what ``undo`` does."""
        return self._step(actor, meeting_id, back=False)

    def _step(self, actor: Actor, meeting_id: MeetingId, *, back: bool) -> Edited:
        with self._database.transaction(actor.tenant_id) as tx:
            self._meetings.check_editable(tx, actor, meeting_id)
            self._transcripts.lock(tx, meeting_id)
            transcript = self._transcripts.load(tx, meeting_id)
            steps = steps_of(self._transcripts.entries(tx, meeting_id), actor)
            wanted = steps.done if back else steps.undone
            if not wanted:
                raise NothingToUndo
            try:
                edited = self._keep(
                    tx, actor, meeting_id, transcript, inverse(wanted[-1].change), undoes=wanted[-1].revision
                )
            except ChangedMeanwhile as changed:
                raise CannotUndo from changed
            self._record(tx, AuditName.TRANSCRIPT_EDITED, actor, meeting_id, revision=edited.revision, kind="undo")
        return edited

    def _keep(
        self,
        tx: Tx,
        actor: Actor,
        meeting_id: MeetingId,
        transcript: Transcript,
        change: Change,
        *,
        undoes: int | None = None,
    ) -> Edited:
        after = apply(transcript, change)
        revision = (self._transcripts.revision(tx, meeting_id) or 0) + 1
        entry = Entry(revision, actor.user_id, self._clock.now(), change, undoes)
        self._transcripts.append(tx, meeting_id, entry, after)
        segments = segments_of(change)
        for watcher in self._watchers:
            watcher.segments_changed(tx, meeting_id, after, segments)
        return self._edited(tx, actor, meeting_id, after, sorted(segments))

    def _edited(
        self, tx: Tx, actor: Actor, meeting_id: MeetingId, transcript: Transcript, segments: Sequence[int]
    ) -> Edited:
        steps = steps_of(self._transcripts.entries(tx, meeting_id), actor)
        shown = tuple(each for each in transcript.segments if each.id in set(segments))
        return Edited(
            revision=self._transcripts.revision(tx, meeting_id) or 0,
            segments=shown,
            gone=tuple(sorted(set(segments) - {each.id for each in shown})),
            names=transcript.names,
            can_undo=bool(steps.done),
            can_redo=bool(steps.undone),
        )

    def _tell(self, tx: Tx, actor: Actor, meeting_id: MeetingId, edit: Edit, revision: int) -> None:
        """Record the edit: names and restored text each, all else once in a while per editor and meeting."""
        kind = type(edit).__name__
        if isinstance(edit, Restore):
            self._record(tx, AuditName.TEXT_RESTORED, actor, meeting_id, revision=revision)
            return
        now, access = self._clock.now(), (actor.session_id or actor.name, meeting_id)
        if kind in {"Rename", "MergeSpeakers", "Replace"} or not self._told.is_open(access, at=now):
            self._record(tx, AuditName.TRANSCRIPT_EDITED, actor, meeting_id, revision=revision, kind=kind)
            self._told.enter(access, at=now)

    def _record(self, tx: Tx, name: AuditName, actor: Actor, meeting_id: MeetingId, **detail: str | int) -> None:
        self._audit.record(tx, name, actor=actor, subject_type="meeting", subject_id=meeting_id, detail=detail)
