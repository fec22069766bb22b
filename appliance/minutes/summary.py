"""The reduce: the gists of many parts brought down to a summary that fits a page."""

from collections.abc import Sequence
from typing import Final

from appliance.language.citations import Citation, Support, check
from appliance.minutes.asking import Interviewer
from appliance.minutes.evidence import complete
from appliance.minutes.model import Claim, Origin
from appliance.minutes.reading import Reading

MOST_STATEMENTS: Final = 8
"""Sentences of a summary: about half a page."""

_MERGED: Final = {"text": 320}


def condense(gists: Sequence[Sequence[Claim]], interviewer: Interviewer, reading: Reading) -> tuple[Claim, ...]:
    """At most ``MOST_STATEMENTS`` sentences that speak for all parts, in order.

    Neighbouring sentences are put into one by the model; where the outcome is not borne out by the same words, the
    first of them stands for the group. All of them remain with their topics.
    """
    statements = [statement for gist in gists for statement in gist]
    while len(statements) > MOST_STATEMENTS:
        size = -(-len(statements) // MOST_STATEMENTS)
        groups = [statements[start : start + size] for start in range(0, len(statements), size)]
        statements = [_merged(group, interviewer, reading) for group in groups]
    return tuple(statements)


def _merged(group: Sequence[Claim], interviewer: Interviewer, reading: Reading) -> Claim:
    if len(group) == 1:
        return group[0]
    answer = interviewer.ask("merge", [statement.text for statement in group], _MERGED)
    citations = tuple(dict.fromkeys(citation for statement in group for citation in statement.citations))
    if answer is not None:
        text = answer["text"].strip()
        support = _support(text, citations, reading)
        if support is Support.SUPPORTED and complete(text, group[0].text, reading, share=0.5):
            return Claim(text=text, citations=citations, support=support, origin=Origin.MODEL)
    return group[0]


def _support(text: str, citations: Sequence[Citation], reading: Reading) -> Support:
    quotes = [citation.quote for citation in citations]
    segments = {citation.segment for citation in citations}
    speakers = tuple(
        dict.fromkeys(
            sentence.speaker
            for sentence in reading.sentences
            if any(citation.segment in segments for citation in sentence.citations)
        )
    )
    return check(text, quotes, reading.lexicon, speakers=speakers, roster=reading.people).support
