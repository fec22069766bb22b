"""Minutes in the forms that people and programs read."""

from collections.abc import Sequence
from typing import Final

import msgspec

from appliance.kernel.units import format_clock
from appliance.language.citations import Citation, Support
from appliance.language.lexicon import FALLBACK
from appliance.minutes.errors import UnknownFormat
from appliance.minutes.model import ActionItem, Claim, Minutes, Origin
from appliance.transcripts.model import Transcript

_WORDS: Final = {
    "en": {
        "minutes": "Minutes",
        "summary": "Summary",
        "decisions": "Decisions",
        "actions": "Actions",
        "questions": "Open questions",
        "topics": "Topics",
        "withdrawn": "Decisions taken back",
        "rejected": "Not borne out by the transcript",
        "evidence": "Evidence",
        "none": "None was found.",
        "nothing": "No decision, no task and no open question was found.",
        "task": "Task",
        "owner": "Owner",
        "due": "Due",
        "source": "Source",
        "corrects": "replaces",
        "partly": "partly supported",
        "unsupported": "unsupported",
        "extract": "in the speaker's own words",
        "unknown": "Somebody",
        "note": "Every statement is followed by the numbers of the words it rests on. Worded with {model}; "
        "each was checked against the transcript by the program. An owner or a date that nobody said is left empty.",
        "plain": "Every statement is followed by the numbers of the words it rests on, and stands in the speaker's own "
        "words. An owner or a date that nobody said is left empty.",
        "extracts": "{count} of {all} statements are extracts: there the model said nothing that the transcript bears "
        "out in full.",
    },
    "hu": {
        "minutes": "Jegyzőkönyv",
        "summary": "Összefoglaló",
        "decisions": "Határozatok",
        "actions": "Feladatok",
        "questions": "Nyitott kérdések",
        "topics": "Témák",
        "withdrawn": "Visszavont határozatok",
        "rejected": "A leirat nem támasztja alá",
        "evidence": "Bizonyítékok",
        "none": "Nincs.",
        "nothing": "Határozat, feladat vagy nyitott kérdés nem hangzott el.",
        "task": "Feladat",
        "owner": "Felelős",
        "due": "Határidő",
        "source": "Forrás",
        "corrects": "felváltja",
        "partly": "részben alátámasztva",
        "unsupported": "nincs alátámasztva",
        "extract": "a beszélő szavaival",
        "unknown": "Valaki",
        "note": "Minden állítás után azoknak a szavaknak a száma áll, amelyeken alapul. Megfogalmazta: {model}; "
        "mindegyiket a program vetette össze a leirattal. Amit senki sem mondott ki, az üres: a felelős és a határidő "
        "is.",
        "plain": "Minden állítás után azoknak a szavaknak a száma áll, amelyeken alapul, és mindegyik a beszélő saját "
        "szavaival. Amit senki sem mondott ki, az üres: a felelős és a határidő is.",
        "extracts": "{all} állításból {count} kivonat: ott a modell semmi olyat nem mondott, amit a leirat egészében "
        "alátámaszt.",
    },
}


def to_json(minutes: Minutes) -> bytes:
    """Everything, as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(minutes), indent=2) + b"\n"


def from_json(data: bytes) -> Minutes:
    """Minutes as they were stored.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: it is something else.
    """
    return msgspec.json.decode(data, type=Minutes)


def to_markdown(minutes: Minutes, transcript: Transcript, *, title: str = "") -> str:
    """For reading: claims with ``[n]``, and a numbered list of the words they rest on, with speaker and time."""
    return _Markdown(minutes, transcript, title).text()


def require_format(format_name: str) -> str:
    """The media type of a format.

    Raises:
        UnknownFormat: there is no such format.
    """
    types = {"json": "application/json", "md": "text/markdown; charset=utf-8"}
    if format_name not in types:
        raise UnknownFormat(format=format_name)
    return types[format_name]


class _Markdown:
    """One document in the making: citations are numbered as they come."""

    def __init__(self, minutes: Minutes, transcript: Transcript, title: str) -> None:
        self._minutes = minutes
        self._segments = {segment.id: segment for segment in transcript.segments}
        self._words = _WORDS.get(minutes.language, _WORDS[FALLBACK])
        self._title = title
        self._numbers: dict[Citation, int] = {}

    def text(self) -> str:
        minutes, words = self._minutes, self._words
        heading = f"# {words['minutes']}: {_inline(self._title)}" if self._title else f"# {words['minutes']}"
        sections = [
            f"{heading}\n",
            *([f"*{self._how()}*\n"] if any(minutes.claims) else []),
            *self._found(),
        ]
        if minutes.topics:
            sections.append(self._list("topics", [self._topic(number) for number in range(len(minutes.topics))]))
        if minutes.withdrawn:
            sections.append(self._list("withdrawn", [self._claim(one.text, one) for one in minutes.withdrawn]))
        if minutes.rejected:
            lines = [f"~~{_inline(one.text)}~~ ({words['unsupported']})" for one in minutes.rejected]
            sections.append(self._list("rejected", lines))
        if self._numbers:
            sections.append(self._evidence())
        return "\n".join(sections)

    def _how(self) -> str:
        """How the minutes came about: by whom they were worded, and where the speakers' words stand instead."""
        minutes, words = self._minutes, self._words
        if not minutes.model:
            return words["plain"]
        worded: list[Claim | ActionItem] = [*minutes.summary, *minutes.decisions, *minutes.actions]
        extracts = sum(one.origin is Origin.EXTRACT for one in worded)
        note = words["note"].format(model=minutes.model)
        return f"{note} {words['extracts'].format(count=extracts, all=len(worded))}" if extracts else note

    def _found(self) -> list[str]:
        """Summary, decisions, tasks and questions; where there is none of the last three, one sentence says so."""
        minutes = self._minutes
        summary = [self._list("summary", [self._claim(one.text, one) for one in minutes.summary])]
        if not (minutes.decisions or minutes.actions or minutes.questions):
            return [*(summary if minutes.summary else []), f"{self._words['nothing']}\n"]
        return [
            *(summary if minutes.summary or minutes.topics else []),
            self._list("decisions", [self._decision(number) for number in range(len(minutes.decisions))]),
            self._actions(minutes.actions),
            self._list("questions", [self._claim(one.text, one) for one in minutes.questions]),
        ]

    def _list(self, section: str, lines: Sequence[str]) -> str:
        body = "\n".join(f"- {line}" for line in lines) or self._words["none"]
        return f"## {self._words[section]}\n\n{body}\n"

    def _claim(self, text: str, claim: object) -> str:
        citations: tuple[Citation, ...] = getattr(claim, "citations", ())
        return f"{_inline(text)} {self._marks(citations)}{self._note(claim)}"

    def _decision(self, number: int) -> str:
        decision = self._minutes.decisions[number]
        current = tuple(one for one in decision.citations if one not in decision.corrects)
        replaced = f"; {self._words['corrects']} {self._marks(decision.corrects)}" if decision.corrects else ""
        return f"{_inline(decision.text)} {self._marks(current)}{replaced}{self._note(decision)}"

    def _topic(self, number: int) -> str:
        topic = self._minutes.topics[number]
        span = f"{format_clock(topic.start_s)}–{format_clock(topic.end_s)}"
        return f"{span} **{_inline(topic.title)}** {self._marks(topic.citations)}"

    def _actions(self, actions: Sequence[ActionItem]) -> str:
        if not actions:
            return self._list("actions", [])
        words = self._words
        rows = [
            f"| {words['task']} | {words['owner']} | {words['due']} | {words['source']} |",
            "|---|---|---|---|",
            *(
                f"| {_cell(one.task)} | {_cell(one.owner)} | {_cell(one.due)} "
                f"| {self._marks(one.citations)}{self._note(one)} |"
                for one in actions
            ),
        ]
        return f"## {words['actions']}\n\n" + "\n".join(rows) + "\n"

    def _marks(self, citations: Sequence[Citation]) -> str:
        return "".join(f"[{self._numbers.setdefault(one, len(self._numbers) + 1)}]" for one in citations)

    def _note(self, claim: object) -> str:
        notes = []
        support = getattr(claim, "support", Support.SUPPORTED)
        if support is not Support.SUPPORTED:
            notes.append(self._words[support.value])
        if self._minutes.model and getattr(claim, "origin", Origin.MODEL) is Origin.EXTRACT:
            notes.append(self._words["extract"])
        return f" *({', '.join(notes)})*" if notes else ""

    def _evidence(self) -> str:
        lines = []
        for citation, number in self._numbers.items():
            segment = self._segments.get(citation.segment)
            speaker = (segment.speaker if segment else None) or self._words["unknown"]
            at = format_clock(segment.start_s) if segment else "–"
            lines.append(f"{number}. {_inline(speaker)}, {at}: “{_inline(citation.quote)}”")
        return f"## {self._words['evidence']}\n\n" + "\n".join(lines) + "\n"


def _inline(text: str) -> str:
    """Text that cannot turn into markup: what people say, or a title, is never a heading, a link or HTML."""
    for mark in "\\`*_[]<>#|~":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _inline(text) or " "
