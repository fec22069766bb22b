"""What the portal needs from the appliance; the composition root hands in something that has it all."""

from typing import Protocol

from appliance.database.engine import Database
from appliance.identity.accounts import AccountService
from appliance.identity.service import IdentityService
from appliance.jobs.ports import JobNews
from appliance.jobs.service import JobService
from appliance.kernel.clock import Clock
from appliance.kernel.ids import TenantId
from appliance.licence.service import LicenceService
from appliance.meetings.service import MeetingService
from appliance.minutes.service import MinutesService
from appliance.models.service import ModelRegistry
from appliance.settings import Settings
from appliance.transcripts.editor import TranscriptEditing
from appliance.transcripts.service import TranscriptService


class WebServices(Protocol):
    """The services behind the portal's doors."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def home_tenant(self) -> TenantId:
        """The tenant that was set up first: the one that awaits its first administrator."""
        ...

    @property
    def database(self) -> Database: ...
    @property
    def identity(self) -> IdentityService: ...
    @property
    def accounts(self) -> AccountService: ...
    @property
    def licence(self) -> LicenceService: ...
    @property
    def meetings(self) -> MeetingService: ...
    @property
    def jobs(self) -> JobService: ...
    @property
    def job_listener(self) -> JobNews: ...
    @property
    def models(self) -> ModelRegistry: ...
    @property
    def transcripts(self) -> TranscriptService: ...
    @property
    def transcript_editing(self) -> TranscriptEditing: ...
    @property
    def minutes(self) -> MinutesService: ...
