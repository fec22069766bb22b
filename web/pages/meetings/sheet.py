"""Minutes as the page shows them: every statement with numbered sources and how far they bear it out."""

from collections.abc import Sequence
from typing import Any

import msgspec

from appliance.language.citations import Citation, Support, quoted
from appliance.minutes.model import ActionItem, Claim, Decision, Minutes, Origin, Topic
from appliance.transcripts.model import Transcript
from web.pages.meetings.reading import ClaimLine, Sheet, Source
from web.texts import Texts


class _Numbering:
    """Numbers sources in the order in which the page cites them; the same words keep their number."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, str], int] = {}

    def __call__(self, citations: Sequence[Citation]) -> tuple[Source, ...]:
        return tuple(self._source(citation) for citation in citations)

    def _source(self, citation: Citation) -> Source:
        number = self._numbers.setdefault((citation.segment, citation.quote), len(self._numbers) + 1)
        return Source(number, citation.segment, citation.quote)


def sheet(minutes: Minutes, texts: Texts, *, is_stale: bool) -> Sheet:
    """The minutes in the order of the page, with their sources numbered from the top."""
    number = _Numbering()
    return Sheet(
        summary=tuple(_line(one, number) for one in minutes.summary),
        decisions=tuple(_line(one, number, replaces=one.corrects) for one in minutes.decisions),
        actions=tuple(_action(one, number, texts) for one in minutes.actions),
        questions=tuple(_line(one, number) for one in minutes.questions),
        withdrawn=tuple(_line(one, number) for one in minutes.withdrawn),
        topics=tuple(_topic(one, number) for one in minutes.topics),
        rejected=tuple(
            ClaimLine(text=one.text, support=one.support.value, citations=number(one.citations), missing=one.reasons)
            for one in minutes.rejected
        ),
        support=support_words([claim.support for claim in minutes.claims], texts),
        model=minutes.model,
        is_stale=is_stale,
    )


def relocated(minutes: Minutes, transcript: Transcript) -> Minutes:
    """The minutes with their sources found again in a transcript that was changed since: by their exact words.

    A source whose words are no longer there keeps its old place; the page says that the minutes are older.
    """

    def found(citation: Citation) -> Citation:
        near = sorted(transcript.segments, key=lambda segment: abs(segment.id - citation.segment))
        place = next((segment.id for segment in near if quoted(citation.quote, segment.text)), citation.segment)
        return Citation(segment=place, quote=citation.quote)

    def moved(claim: Any) -> Any:
        changes: dict[str, Any] = {"citations": tuple(map(found, claim.citations))}
        if isinstance(claim, Decision):
            changes["corrects"] = tuple(map(found, claim.corrects))
        if isinstance(claim, Topic):
            changes["statements"] = tuple(map(moved, claim.statements))
        return msgspec.structs.replace(claim, **changes)

    kinds = ("summary", "topics", "decisions", "actions", "questions", "withdrawn", "rejected")
    return msgspec.structs.replace(minutes, **{kind: tuple(map(moved, getattr(minutes, kind))) for kind in kinds})


def _line(claim: Claim, number: _Numbering, *, replaces: Sequence[Citation] = ()) -> ClaimLine:
    return ClaimLine(
        text=claim.text,
        support=claim.support.value,
        citations=number(claim.citations),
        replaces=number(replaces),
        is_extract=claim.origin is Origin.EXTRACT,
    )


def _action(item: ActionItem, number: _Numbering, texts: Texts) -> ClaimLine:
    return ClaimLine(
        text=item.task,
        support=item.support.value,
        citations=number(item.citations),
        owner=texts.speaker(item.owner) if item.owner else "",
        due=item.due,
        is_extract=item.origin is Origin.EXTRACT,
    )


def _topic(topic: Topic, number: _Numbering) -> ClaimLine:
    return ClaimLine(
        text=topic.title,
        support=topic.support.value,
        citations=number(topic.citations),
        start_s=topic.start_s,
        end_s=topic.end_s,
        is_extract=topic.origin is Origin.EXTRACT,
        parts=tuple(_line(one, number) for one in topic.statements),
    )


def support_words(found: Sequence[Support], texts: Texts) -> str:
    """How many statements there are, and how far they are supported."""
    supported, partly, without = (
        found.count(kind) for kind in (Support.SUPPORTED, Support.PARTLY, Support.UNSUPPORTED)
    )
    parts = [texts.count("%(count)s statement", "%(count)s statements", len(found))]
    if supported:
        parts.append(texts.count("%(count)s supported", "%(count)s supported", supported))
    if partly:
        parts.append(texts.count("%(count)s partly supported", "%(count)s partly supported", partly))
    if without:
        parts.append(texts.count("%(count)s without a source", "%(count)s without a source", without))
    return " · ".join(parts)
