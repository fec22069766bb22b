"""The index of keyed lexemes: written when a transcript is there, asked by whoever searches."""

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from appliance.database.engine import Tx
from appliance.kernel.ids import MeetingId, TenantId
from appliance.keyring.service import KeyRing
from appliance.search import queries
from appliance.search.model import configuration, keyed
from appliance.transcripts.model import Transcript

_BATCH = 500

_INSERT = text(
    "INSERT INTO segment_lexemes (meeting_id, segment_id, tenant_id, lexemes)"
    " VALUES (:meeting, :segment, :tenant, array_to_tsvector(:tokens))"
).bindparams(bindparam("tokens", type_=ARRAY(TEXT)))
_DELETE_SOME = text("DELETE FROM segment_lexemes WHERE meeting_id = :meeting AND segment_id = ANY(:segments)")
_DELETE = text("DELETE FROM segment_lexemes WHERE meeting_id = :meeting")


class SegmentIndex:
    """Puts a meeting's segments into the index, as tokens from which no word can be read."""

    def __init__(self, keyring: KeyRing) -> None:
        self._keyring = keyring

    def put(self, tx: Tx, meeting_id: MeetingId, *, language: str | None, segments: Sequence[tuple[int, str]]) -> None:
        """Index a meeting anew.

        Args:
            language: decides how words are cut to their stems.
            segments: number and text of each.
        """
        self.remove(tx, meeting_id)
        self._add(tx, meeting_id, language=language, segments=segments)

    def _add(self, tx: Tx, meeting_id: MeetingId, *, language: str | None, segments: Sequence[tuple[int, str]]) -> None:
        tenant_id = _tenant_of(tx)
        key = self._keyring.tenant_search_key(tx, tenant_id)
        config = configuration(language)
        for start in range(0, len(segments), _BATCH):
            batch = segments[start : start + _BATCH]
            found = queries.lexemes(tx, config, [words for _, words in batch])
            rows = [
                {
                    "meeting": meeting_id,
                    "segment": segment_id,
                    "tenant": tenant_id,
                    "tokens": sorted({keyed(key, config, lexeme) for lexeme in lexemes}),
                }
                for (segment_id, _), lexemes in zip(batch, found, strict=True)
                if lexemes
            ]
            if rows:
                tx.execute(_INSERT, rows)

    def transcript_changed(self, tx: Tx, meeting_id: MeetingId, transcript: Transcript) -> None:
        """Index all of the text as it is now."""
        segments = [(segment.id, segment.text) for segment in transcript.segments]
        self.put(tx, meeting_id, language=transcript.language, segments=segments)

    def segments_changed(
        self, tx: Tx, meeting_id: MeetingId, transcript: Transcript, segments: Collection[int]
    ) -> None:
        """Fulfils ``TranscriptWatcher``: index anew what changed, and that alone."""
        wanted = set(segments)
        tx.execute(_DELETE_SOME, {"meeting": meeting_id, "segments": sorted(wanted)})
        texts = [(segment.id, segment.text) for segment in transcript.segments if segment.id in wanted]
        self._add(tx, meeting_id, language=transcript.language, segments=texts)

    def remove(self, tx: Tx, meeting_id: MeetingId) -> None:
        """Take a meeting out of the index."""
        tx.execute(_DELETE, {"meeting": meeting_id})


def _tenant_of(tx: Tx) -> TenantId:
    if tx.tenant_id is None:
        raise TypeError("an index belongs to a tenant")
    return tx.tenant_id
