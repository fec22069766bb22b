"""A meeting that is ready to be read: the sample meeting's sound and words, with minutes written by hand."""

import re
from datetime import UTC, datetime

import av
import msgspec
from sqlalchemy import text

from appliance.kernel.actor import Actor
from appliance.kernel.ids import MeetingId
from appliance.language.citations import Citation, Support
from appliance.meetings.documents import DocumentStore
from appliance.meetings.peaks import PEAKS_DOCUMENT, PeakMeter
from appliance.minutes.model import ActionItem, Claim, Decision, Minutes, Origin, Question, Rejected, Topic
from appliance.quality.samples import SampleMeeting, sample_meeting
from appliance.transcripts.documents import TranscriptStore
from appliance.transcripts.model import Reason, Removed, Segment, Transcript
from tests.factories.database import TestDatabase
from tests.factories.meetings import a_meeting
from tests.factories.site import Site
from tests.factories.transcripts import words


def sample_transcript(sample: SampleMeeting) -> Transcript:
    """The script as a transcript: a segment per sentence, speakers numbered as the machine numbers them."""
    labels: dict[str, str] = {}
    segments: list[Segment] = []
    for turn in sample.turns:
        label = labels.setdefault(turn.speaker, f"Speaker {len(labels) + 1}")
        sentences = re.findall(r"[^.?!]+[.?!]+", turn.text) or [turn.text]
        each_s = (turn.end_s - turn.start_s) / len(turn.text.split())
        at = turn.start_s
        for sentence in sentences:
            said = words(sentence, start_s=at, each_s=each_s)
            at = said[-1].end_s
            segments.append(
                Segment(
                    id=len(segments),
                    start_s=said[0].start_s,
                    end_s=said[-1].end_s,
                    speaker=label,
                    text=sentence.strip(),
                    words=said,
                )
            )
    return Transcript(
        language=sample.language,
        duration_s=sample.duration_s,
        engine="by hand",
        models=(),
        segments=tuple(segments),
        removed=(
            Removed(
                start_s=190.0,
                end_s=192.4,
                text="Thank you for watching.",
                reason=Reason.HALLUCINATION,
                words=words("Thank you for watching.", start_s=190.0, each_s=0.6),
            ),
        ),
    )


def minutes_of(transcript: Transcript, *, revision: int) -> Minutes:
    """Honest minutes of the English sample, and one sentence that nobody said."""

    def cite(quote: str) -> tuple[Citation, ...]:
        found = next(segment for segment in transcript.segments if quote in segment.text)
        return (Citation(segment=found.id, quote=quote),)

    good, partly = Support.SUPPORTED, Support.PARTLY
    return Minutes(
        language="en",
        summary=(
            Claim(
                text="The new version is almost ready; the backup test is still missing.",
                citations=(*cite("The new version is almost ready"), *cite("The backup test is still missing")),
                support=good,
                origin=Origin.MODEL,
            ),
            Claim(
                text="Customers often ask about the backup.",
                citations=cite("Customers ask me about the backup every day"),
                support=partly,
                origin=Origin.MODEL,
            ),
        ),
        topics=(
            Topic(
                title="Release date",
                start_s=17.3,
                end_s=75.0,
                citations=cite("Let me start with the release"),
                support=good,
                origin=Origin.MODEL,
            ),
        ),
        decisions=(
            Decision(
                text="The new version is released on the 17th of March.",
                citations=(
                    *cite("We will release the new version on the 17th of March instead"),
                    *cite("Then the new release date is the 17th of March"),
                ),
                support=good,
                origin=Origin.MODEL,
                corrects=cite("So we have decided to release on the 10th of March"),
            ),
            Decision(
                text="6,000 euros are spent on training this year.",
                citations=cite("We will spend 6,000 euros on training this year"),
                support=good,
                origin=Origin.MODEL,
            ),
        ),
        actions=(
            ActionItem(
                task="Run the backup test and send the report to everybody.",
                owner="David",
                due="by Friday",
                citations=(
                    *cite("please run the backup test, and send the report to everybody by Friday"),
                    *cite("I will run the backup test and send the report by Friday"),
                ),
                support=good,
                origin=Origin.MODEL,
            ),
            ActionItem(
                task="Order the 2 courses.",
                owner="Peter",
                due="before the end of January",
                citations=cite("I will order the 2 courses before the end of January"),
                support=good,
                origin=Origin.MODEL,
            ),
            ActionItem(
                task="Somebody must update the user manual, but it has no owner yet.",
                owner="",
                due="",
                citations=cite("Somebody must update the user manual, but it has no owner yet"),
                support=good,
                origin=Origin.EXTRACT,
            ),
        ),
        questions=(
            Question(
                text="Can the system export the action items to a calendar?",
                citations=cite("Can the system export the action items to a calendar"),
                support=good,
                origin=Origin.MODEL,
            ),
        ),
        rejected=(
            Rejected(
                text="The budget was doubled to 17 000.",
                citations=(),
                support=Support.UNSUPPORTED,
                reasons=("number 17",),
            ),
        ),
        model="a hand",
        transcript_revision=revision,
    )


def a_read_meeting(site: Site, db: TestDatabase, owner: Actor, *, title: str = "Weekly planning meeting") -> MeetingId:
    """The sample meeting, sent and worked through."""
    sample = sample_meeting("en")
    started = a_meeting(
        site.services.meetings, owner, title=title, filename="planning.opus", data=sample.audio.read_bytes()
    )
    transcript = sample_transcript(sample)
    documents = DocumentStore(site.services.keyring, site.services.clock)
    with db.worker.transaction(owner.tenant_id) as tx:
        revision = TranscriptStore(documents).put(tx, started.meeting_id, transcript)
        minutes = msgspec.json.encode(minutes_of(transcript, revision=revision))
        documents.put(tx, started.meeting_id, "minutes", minutes)
        documents.put(tx, started.meeting_id, PEAKS_DOCUMENT, _peaks(sample))
    finish_job(db, started.job_id)
    return started.meeting_id


def finish_job(db: TestDatabase, job_id: object) -> None:
    """Everything about a job is done, as workers would have left it."""
    now = datetime.now(UTC)
    with db.owner.transaction(None) as tx:
        tx.execute(text("UPDATE job_step SET state = 'done', progress = 1 WHERE job_id = :id"), {"id": job_id})
        tx.execute(text("UPDATE job SET state = 'done', finished_at = :now WHERE id = :id"), {"id": job_id, "now": now})


def _peaks(sample: SampleMeeting) -> bytes:
    meter = PeakMeter()
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    with av.open(str(sample.audio)) as container:
        for frame in container.decode(audio=0):
            for block in resampler.resample(frame):
                meter.add(block.to_ndarray().reshape(-1))
    return meter.peaks()
