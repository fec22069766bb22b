"""Minutes as the page shows them: every statement with numbered sources and how far they bear it out."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from appliance.minutes.model import ActionItem, Claim, Minutes, Topic

from web.pages.meetings.reading import ClaimLine, Sheet, Source
from web.texts import Texts

_EXTRACT: Final = "extract"


class _Numbering:
    """Numbers sources in the order in which they are first cited; the same words keep their number."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, str], int] = {}

    def sources(self, claim: Claim | Topic | ActionItem) -> tuple[Source, ...]:
        return tuple(
            Source(self._numbers.setdefault((cite.segment, cite.quote), len(self._numbers) + 1), cite.segment, cite.quote)
            for cite in claim.citations
        )


def sheet(minutes: Minutes, texts: Texts, *, is_stale: bool) -> Sheet:
    """The minutes in the order of the page, with their sources numbered from the top."""
    numbering = _Numbering()
    lines = Sheet(
        summary=_lines(minutes.summary, numbering.sources),
        decisions=_lines(minutes.decisions, numbering.sources),
        actions=tuple(_action(item, numbering.sources, texts) for item in minutes.actions),
        questions=_lines(minutes.questions, numbering.sources),
        topics=tuple(_topic(topic, numbering.sources) for topic in minutes.topics),
        summary_of_support="",
        notice=texts.say("The transcript was changed after these minutes were written.") if is_stale else "",
    )
    return _with_support(lines, texts)


def _lines(claims: Iterable[Claim], sources: Callable[[Claim], tuple[Source, ...]]) -> tuple[ClaimLine, ...]:
    return tuple(
        ClaimLine(
            text=claim.text, support=claim.support.value, citations=sources(claim), is_extract=claim.origin == _EXTRACT
        )
        for claim in claims
    )


def _action(item: ActionItem, sources: Callable[[ActionItem], tuple[Source, ...]], texts: Texts) -> ClaimLine:
    return ClaimLine(
        text=item.task,
        support=item.support.value,
        citations=sources(item),
        owner=texts.speaker(item.owner) if item.owner else None,
        due=item.due,
        is_extract=item.origin == _EXTRACT,
    )


def _topic(topic: Topic, sources: Callable[[Topic], tuple[Source, ...]]) -> ClaimLine:
    return ClaimLine(
        text=topic.title,
        support=topic.support.value,
        citations=sources(topic),
        start_s=topic.start_s,
        end_s=topic.end_s,
        is_extract=topic.origin == _EXTRACT,
    )


def _with_support(lines: Sheet, texts: Texts) -> Sheet:
    found = [claim.support for claim in lines]
    return Sheet(
        summary=lines.summary,
        decisions=lines.decisions,
        actions=lines.actions,
        questions=lines.questions,
        topics=lines.topics,
        summary_of_support=support_words(found, texts),
        notice=lines.notice,
    )


def support_words(found: Sequence[str], texts: Texts) -> str:
    """How many statements there are, and how far they are supported."""
    supported, partly, without = (found.count(kind) for kind in ("supported", "partly", "unsupported"))
    parts = [texts.count("%(count)s statement", "%(count)s statements", len(found))]
    if supported:
        parts.append(texts.count("%(count)s supported", "%(count)s supported", supported))
    if partly:
        parts.append(texts.count("%(count)s partly supported", "%(count)s partly supported", partly))
    if without:
        parts.append(texts.count("%(count)s without a source", "%(count)s without a source", without))
    return " · ".join(parts)
