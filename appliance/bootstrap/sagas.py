"""The way of a recording: the steps that rooms contribute, over real engines."""

from functools import partial

from appliance.adapters.media import SandboxedMedia
from appliance.bootstrap.engines import (
    Resident,
    ResidentSpeech,
    ResidentTurns,
    language_model,
    speaker_turns,
    speech_threads,
    speech_to_text,
)
from appliance.bootstrap.services import RECORDING, Services
from appliance.jobs.model import Saga
from appliance.jobs.ports import Step
from appliance.meetings.recordings import RecordingFiles
from appliance.meetings.sound import Sounds
from appliance.meetings.steps import ValidateStep
from appliance.minutes.steps import MinutesStep
from appliance.notifications.steps import NotifyStep
from appliance.search.index import SegmentIndex
from appliance.search.steps import IndexStep
from appliance.speakers.documents import TurnStore
from appliance.speakers.steps import SpeakersStep
from appliance.transcripts.documents import TranscriptStore
from appliance.transcripts.steps import MergeStep, TranscribeStep


def recording_saga(services: Services) -> Saga[Step]:
    """The steps from a recording to its minutes; no engine is loaded before a step asks for it."""
    settings, models = services.settings, services.models
    files = RecordingFiles(services.blobs, services.keyring)
    media = SandboxedMedia(max_duration_s=settings.upload.max_duration_s)
    sounds = Sounds(files, media)
    turns, transcripts = TurnStore(services.documents), TranscriptStore(services.documents)
    threads = speech_threads(settings)
    hearing = ResidentSpeech(partial(speech_to_text, settings, models, threads=threads))
    telling_apart = ResidentTurns(partial(speaker_turns, settings, models, threads=threads))
    writing = Resident(partial(language_model, settings, models))
    audit = services.audit
    steps: tuple[Step, ...] = (
        ValidateStep(
            files=files,
            documents=services.documents,
            probe=media,
            decoder=media,
            audit=audit,
            clock=services.clock,
        ),
        TranscribeStep(sounds=sounds, engine=hearing, transcripts=transcripts),
        SpeakersStep(sounds=sounds, engine=telling_apart, turns=turns),
        MergeStep(transcripts=transcripts, turns=turns, audit=audit),
        MinutesStep(model=writing, transcripts=transcripts, documents=services.documents, audit=audit),
        IndexStep(transcripts=transcripts, index=SegmentIndex(services.keyring), audit=audit),
        NotifyStep(outbox=services.outbox, audit=audit),
    )
    return Saga(RECORDING, steps)
