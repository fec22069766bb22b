"""Searching in what one may see."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database, Tx
from appliance.identity.permissions import Permission, require
from appliance.kernel.actor import Actor
from appliance.kernel.ids import MeetingId
from appliance.keyring.service import KeyRing
from appliance.meetings.access import reader_of
from appliance.meetings.service import MeetingService
from appliance.search import queries
from appliance.search.errors import QueryEmpty, QueryTooLong
from appliance.search.model import (
    CONFIGURATIONS,
    MAX_QUERY_LENGTH,
    PLAIN,
    Hit,
    Wanted,
    configuration,
    fold,
    snippet,
    tsquery,
)
from appliance.search.ports import TranscriptSource
from appliance.transcripts.model import Segment

MAX_HITS = 100
_CONFIGS = (*CONFIGURATIONS.values(), PLAIN)
_WORD = re.compile(r"\w+")


class SearchService:
    """Finds segments by their words, and shows them with what was found in them.

    The index knows only tokens. Which passage is shown, and what is marked in it, is worked out after decryption, in
    the memory of this process.
    """

    def __init__(
        self,
        *,
        database: Database,
        audit: AuditTrail,
        keyring: KeyRing,
        meetings: MeetingService,
        transcripts: TranscriptSource,
    ) -> None:
        self._database = database
        self._audit = audit
        self._keyring = keyring
        self._meetings = meetings
        self._transcripts = transcripts

    def find(self, actor: Actor, words: str, *, limit: int = 20) -> tuple[Hit, ...]:
        """The segments that hold all of ``words`` in any inflection, those of the newest meetings first.

        Case, accents and the endings of the meeting's language make no difference. There is no search for parts of
        words, and none for the order of words: the index does not know either.

        Raises:
            QueryEmpty: there is nothing to look for.
            QueryTooLong: it is a text rather than a query.
        """
        require(actor, Permission.MEETING_READ)
        if len(words) > MAX_QUERY_LENGTH:
            raise QueryTooLong(length=len(words), limit=MAX_QUERY_LENGTH)
        with self._database.transaction(actor.tenant_id) as tx:
            wanted = queries.query_lexemes(tx, _CONFIGS, words)
            query = tsquery(self._keyring.tenant_search_key(tx, actor.tenant_id), wanted)
            if not query:
                raise QueryEmpty
            found = queries.find_segments(tx, query, reader=reader_of(actor), most=max(1, min(limit, MAX_HITS)))
            hits = self._show(tx, actor, found, wanted)
            detail = {"hits": len(hits), "meetings": len({hit.meeting_id for hit in hits})}
            self._audit.record(
                tx, AuditName.MEETING_SEARCHED, actor=actor, subject_type="tenant", subject_id=None, detail=detail
            )
            return hits

    def _show(
        self,
        tx: Tx,
        actor: Actor,
        found: Sequence[tuple[MeetingId, int]],
        wanted: Wanted,
    ) -> tuple[Hit, ...]:
        by_meeting: dict[MeetingId, list[int]] = defaultdict(list)
        for meeting_id, segment_id in found:
            by_meeting[meeting_id].append(segment_id)
        hits: list[Hit] = []
        for meeting_id, segment_ids in by_meeting.items():
            title = self._meetings.title(tx, actor, meeting_id)
            transcript = self._transcripts.load(tx, meeting_id)
            segments = [segment for segment in transcript.segments if segment.id in set(segment_ids)]
            config = configuration(transcript.language)
            forms = {fold(form) for word in wanted.get(config, ()) for form in word}
            marks = _marks(tx, config, segments, forms)
            hits += [
                Hit(
                    meeting_id=meeting_id,
                    meeting_title=title,
                    segment_id=segment.id,
                    start_s=segment.start_s,
                    speaker=transcript.name_of(segment.speaker),
                    snippet=snippet(segment.text, marks[segment.id]),
                )
                for segment in segments
            ]
        return tuple(hits)


def _marks(
    tx: Tx, config: str, segments: Sequence[Segment], wanted: Collection[str]
) -> dict[int, list[tuple[int, int]]]:
    """Where in each segment the wanted lexemes stand: PostgreSQL cuts each word as it cut those of the index."""
    places = [(segment.id, word.start(), word.end()) for segment in segments for word in _WORD.finditer(segment.text)]
    texts = {segment.id: segment.text for segment in segments}
    cut = queries.lexemes(tx, config, [texts[segment_id][start:end] for segment_id, start, end in places])
    marks: dict[int, list[tuple[int, int]]] = {segment.id: [] for segment in segments}
    for (segment_id, start, end), lexemes in zip(places, cut, strict=True):
        if any(fold(lexeme) in wanted for lexeme in lexemes):
            marks[segment_id].append((start, end))
    return marks
