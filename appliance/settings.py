"""One frozen, typed settings object, read from one TOML file and the environment.

The file is ``appliance.toml``, found through ``HANGJEGYZET_CONFIG``; an environment variable such as
``HANGJEGYZET_WEB__PORT=9443`` wins over it. Unknown keys are errors, so that a misspelt one is never ignored.
"""

import os
import re
from functools import cached_property
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from appliance.kernel.units import GIB, KIB, MIB

CONFIGURATION_FILE = "/etc/hangjegyzet/appliance.toml"
BEATS_PER_LEASE = 3
"""A lease outlives two heartbeats that failed."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(_Section):
    """Where PostgreSQL is, or how the embedded one is started."""

    url: str | None = Field(
        None,
        description="Address of a server that runs already, as postgresql://…; unset starts the embedded one.",
    )
    owner_url: str | None = Field(
        None, description="The same for what owns the tables, where it shows another certificate; unset is url."
    )
    bin_dir: Path | None = Field(
        None, description="Folder with initdb and postgres; unset looks in the wheel, then in the distribution."
    )
    os_user: str | None = Field(
        None, description="User of the embedded server when we are root; unset tries hangjegyzet, then postgres."
    )
    pool_size: int = Field(8, ge=1, le=100, description="Connections that one process keeps.")


class WebSettings(_Section):
    """The portal's listener."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8443, ge=0, le=65535, description="Port to listen on.")
    public_url: str | None = Field(None, description="Address that people type, when it differs from host and port.")
    certificate: Path | None = Field(None, description="TLS certificate chain (PEM); unset generates one.")
    private_key: Path | None = Field(None, description="Its private key (PKCS#8 PEM).")
    session_idle_s: int = Field(12 * 3600, ge=60, description="Sign-in ends after so many seconds without a request.")
    session_absolute_s: int = Field(7 * 24 * 3600, ge=60, description="Sign-in ends after so many seconds in any case.")
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Networks, as address/prefix, of reverse proxies whose X-Forwarded-For is believed; none is."
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _believes_not_everybody(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            if ip_network(network).prefixlen == 0:
                raise ValueError(f"{network} is every address there is; name the proxies alone")
        return networks


class UploadSettings(_Section):
    """What a recording may be; told to the browser before the first byte."""

    max_bytes: int = Field(8 * GIB, ge=1, description="Largest recording in bytes.")
    max_duration_s: int = Field(12 * 3600, ge=1, description="Longest recording in seconds.")
    max_open: int = Field(50, ge=1, description="Uploads that one person may have begun and not finished.")
    slice_bytes: int = Field(8 * MIB, ge=64 * KIB, multiple_of=64 * KIB, description="Size of one upload request.")


class SpeechSettings(_Section):
    """Speech to text, and who spoke when."""

    engine: Literal["whisper", "fake"] = Field("whisper", description="fake is for plumbing tests only.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes CUDA when it is there and has room.")
    compute_type: Literal["auto", "int8", "int8_float16", "float16", "float32"] = Field(
        "auto", description="auto: int8 on a CPU, float16 or int8_float16 on a GPU by free memory."
    )
    threads: int = Field(0, ge=0, le=256, description="CPU threads; 0 takes all cores.")
    batch_size: int = Field(4, ge=1, le=64, description="Speech chunks decoded together.")


class LanguageSettings(_Section):
    """The language model that writes minutes."""

    engine: Literal["llama", "fake"] = Field("llama", description="fake is for plumbing tests only.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto offloads to CUDA when it is there.")
    threads: int = Field(0, ge=0, le=256, description="CPU threads; 0 takes all cores.")
    context_tokens: int = Field(8192, ge=1024, description="Context window; longer meetings are read in parts.")


class JobSettings(_Section):
    """How work is leased and tried again."""

    lease_s: float = Field(30.0, gt=0, description="A worker silent for this long has lost its step.")
    heartbeat_s: float = Field(5.0, gt=0, description="How often a worker renews its lease.")
    reap_s: float = Field(5.0, gt=0, description="How often lost leases are looked for.")
    max_attempts: int = Field(5, ge=1, description="Tries of one step before it becomes a dead letter.")
    retry_s: float = Field(2.0, ge=0, description="Pause after a first failed try; doubled with every further one.")
    stop_s: float = Field(20.0, ge=0, description="How long a stopping worker waits for a step's next checkpoint.")
    keep_finished_days: int = Field(
        90,
        ge=1,
        le=3650,
        description="Finished jobs are forgotten after so many days; the latest of a meeting stays as long as it does.",
    )

    @model_validator(mode="after")
    def _beats_often_enough(self) -> Self:
        if self.heartbeat_s * BEATS_PER_LEASE > self.lease_s:
            raise ValueError(f"jobs.lease_s must be at least {BEATS_PER_LEASE} times jobs.heartbeat_s")
        return self


class FirewallSettings(_Section):
    """Who reaches the machine; nothing goes out. Used on an installed appliance."""

    portal_from: tuple[str, ...] = Field(
        ("0.0.0.0/0", "::/0"), description="Networks, as address/prefix, from which the portal answers."
    )
    ssh_from: tuple[str, ...] = Field(
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8"),
        description="Networks from which SSH answers; an empty list closes it.",
    )

    @field_validator("portal_from", "ssh_from")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network)
        return networks


class NodeSettings(_Section):
    """More machines than one: those that work for this box, or the box that this one works for."""

    role: Literal["box", "worker"] = Field(
        "box", description="box serves people; worker works for another machine. hangjegyzet node join sets it."
    )
    address: str | None = Field(None, description="This machine's own address for the others; unset, none reaches it.")
    port: int = Field(8444, ge=1, le=65535, description="Port at which the main box answers its workers.")
    workers: tuple[str, ...] = Field((), description="Addresses of the machines that may work for this box.")
    main_box: str | None = Field(None, description="Address of the main box; on a worker.")
    queues: tuple[Literal["speech", "language"], ...] = Field(
        ("speech", "language"), description="What a worker works on."
    )
    folder: Path = Field(Path("/etc/hangjegyzet/nodes"), description="Certificates that machines show one another.")
    authority_key: Path = Field(
        Path("/etc/hangjegyzet/secrets/nodes.key"), description="Key that signs them; on the main box."
    )

    @field_validator("address", "main_box", "workers")
    @classmethod
    def _are_addresses(cls, given: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for address in (given,) if isinstance(given, str) else given or ():
            ip_address(address)
        return given


class BackupSettings(_Section):
    """What is kept, for how long, and where. Used on an installed appliance."""

    folder: Path = Field(
        Path("/var/backups/hangjegyzet"), description="Where backups lie first: a file system of its own."
    )
    same_disk: bool = Field(
        False, description="Let backups lie on the disk of the data. For trials: a dead disk then takes both."
    )
    custodians: tuple[str, ...] = Field(
        (), description="Two or more people's age recipients; the machine's keys are kept for them alone."
    )
    targets: tuple[str, ...] = Field(
        (), description="Further places for copies, each as NAME=URL; docs/backups.md shows the forms."
    )
    at: str = Field("01:30", description="Time of the daily backup, as HH:MM.")
    drill_at: str = Field("Sun 04:00", description="Time of the weekly drill, as DAY HH:MM.")
    keep_daily: int = Field(14, ge=1, le=366, description="Days of which the last backup is kept.")
    keep_weekly: int = Field(8, ge=0, le=520, description="Weeks of which the last backup is kept.")
    keep_monthly: int = Field(12, ge=0, le=120, description="Months of which the last backup is kept.")
    keep_log_weeks: int = Field(
        3, ge=1, le=52, description="Weeks within which any moment can be gone back to, not only a backup."
    )
    log_queue_mb: int = Field(
        4096,
        ge=256,
        description="Log in MiB that may wait while backups cannot be written; more is dropped, so that work goes on.",
    )

    @field_validator("custodians")
    @classmethod
    def _are_recipients(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for recipient in given:
            if not re.fullmatch(r"age1[02-9ac-hj-np-z]{58}", recipient):
                raise ValueError(f"{recipient!r} is no age recipient (age1…)")
        if len(set(given)) != len(given):
            raise ValueError("one custodian is named twice")
        return given

    @field_validator("targets")
    @classmethod
    def _are_targets(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for target in given:
            if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}=(file:///|sftp://|s3://)[!-~]+", target):
                raise ValueError(f"{target!r} is no NAME=file:///…, NAME=sftp://… or NAME=s3://…")
            url = urlsplit(target.partition("=")[2])
            if url.scheme != "file":
                ip_address(url.hostname or "")
        if len({target.partition("=")[0] for target in given}) != len(given):
            raise ValueError("two targets have one name")
        return given

    @field_validator("at")
    @classmethod
    def _is_a_time(cls, given: str) -> str:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", given):
            raise ValueError("a time is written HH:MM")
        return given

    @field_validator("drill_at")
    @classmethod
    def _is_a_day_and_a_time(cls, given: str) -> str:
        if not re.fullmatch(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01]\d|2[0-3]):[0-5]\d", given):
            raise ValueError("a day and a time are written Sun HH:MM")
        return given


class ClusterSettings(_Section):
    """Three boxes that keep one database: it goes on while two of them do."""

    name: str | None = Field(None, description="What this machine is called among the members.")
    members: tuple[str, ...] = Field(
        (), description="All members as NAME=ADDRESS, first the one whose database it was; empty is no cluster."
    )
    address: str | None = Field(
        None, description="Address that moves to a member that is alive, with the network's prefix: 10.20.0.10/24."
    )
    router: int = Field(61, ge=1, le=255, description="Number of this cluster on its network (VRRP).")
    folder: Path = Field(Path("/etc/hangjegyzet/cluster"), description="Certificates that members show one another.")
    recordings_shared: bool = Field(
        False,
        description="Whether data_dir/blobs is one storage for all; else portal and workers run on the first member.",
    )

    @field_validator("members")
    @classmethod
    def _are_members(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for member in given:
            name, _, address = member.partition("=")
            if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
                raise ValueError(f"{member!r} is no NAME=ADDRESS")
            ip_address(address)
        if given and (len(given) not in {3, 5} or len(dict(member.split("=") for member in given)) != len(given)):
            raise ValueError("three or five members, each with a name of its own")
        return given

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, given: str | None) -> str | None:
        if given is not None:
            ip_interface(given)
        return given

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.members and self.name not in {member.partition("=")[0] for member in self.members}:
            raise ValueError("cluster.name must be one of cluster.members")
        return self


class SupportSettings(_Section):
    """Help from the maker."""

    recipient: str | None = Field(
        None,
        description="The age key that support bundles are sealed to; unset is the maker's, which the release brings.",
    )


class MonitoringSettings(_Section):
    """Figures and traces for a monitoring system of your own; nothing is told unless it is declared here."""

    metrics_host: str = Field("127.0.0.1", description="Address on which metrics are told to Prometheus.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port for metrics; 0 tells none. Usual is 9464.")
    metrics_from: tuple[str, ...] = Field(
        (), description="Networks, as address/prefix, that may ask for metrics; the firewall lets nobody else in."
    )
    metrics_token_file: Path | None = Field(
        None, description="File with the token that who asks has to bear; needed beyond this machine itself."
    )
    otlp_endpoint: str | None = Field(
        None,
        description="Collector of traces (OTLP over HTTP), as http://ADDRESS:PORT; the firewall opens to it alone.",
    )

    @field_validator("metrics_from")
    @classmethod
    def _come_from_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network)
        return networks

    @field_validator("otlp_endpoint")
    @classmethod
    def _is_an_address(cls, endpoint: str | None) -> str | None:
        if endpoint is not None:
            parts = urlsplit(endpoint)
            if parts.scheme not in ("http", "https") or parts.port is None or parts.path not in ("", "/"):
                raise ValueError("write it as http://ADDRESS:PORT or https://ADDRESS:PORT")
            ip_address(parts.hostname or "")  # a name would have to be looked up, and nothing here asks name servers
        return endpoint

    @model_validator(mode="after")
    def _tells_nobody_without_a_token(self) -> Self:
        if self.metrics_port and not ip_address(self.metrics_host).is_loopback and self.metrics_token_file is None:
            raise ValueError("monitoring.metrics_token_file is needed when metrics are told beyond this machine")
        return self


class Configuration(_Section):
    """Everything that can be set, as one file says it; frozen."""

    data_dir: Path = Field(Path("/var/lib/hangjegyzet"), description="Everything that this machine keeps.")
    models_dir: Path | None = Field(None, description="Model packs; unset is models/ in data_dir.")
    root_key_file: Path | None = Field(
        None, description="The machine's root key; unset is secrets/root.key in data_dir."
    )
    signing_key_file: Path | None = Field(
        None, description="The machine's signing key, for reports; unset is signing.key beside the root key."
    )
    signing_public_file: Path | None = Field(
        None, description="Its public half, for everybody; unset is ../trust/appliance.pem beside it."
    )
    language: Literal["hu", "en"] = Field("hu", description="Language of the portal for somebody who has not chosen.")
    database: DatabaseSettings = DatabaseSettings()
    web: WebSettings = WebSettings()
    upload: UploadSettings = UploadSettings()
    speech: SpeechSettings = SpeechSettings()
    minutes: LanguageSettings = LanguageSettings()
    jobs: JobSettings = JobSettings()
    firewall: FirewallSettings = FirewallSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    support: SupportSettings = SupportSettings()
    backups: BackupSettings = BackupSettings()
    nodes: NodeSettings = NodeSettings()
    cluster: ClusterSettings = ClusterSettings()

    @cached_property
    def models_path(self) -> Path:
        """Folder of model packs."""
        return self.models_dir or self.data_dir / "models"

    @cached_property
    def root_key_path(self) -> Path:
        """File of the machine's root key."""
        return self.root_key_file or self.data_dir / "secrets" / "root.key"

    @cached_property
    def signing_key_path(self) -> Path:
        """File of the machine's signing key."""
        return self.signing_key_file or self.root_key_path.with_name("signing.key")

    @cached_property
    def signing_public_path(self) -> Path:
        """File of the public half, which others check signed reports with."""
        return self.signing_public_file or self.signing_key_path.parents[1] / "trust" / "appliance.pem"

    @cached_property
    def certificate_path(self) -> Path:
        """Certificate that the portal shows: the configured one, or the one that it makes."""
        return self.web.certificate or self.data_dir / "tls" / "portal.pem"

    @cached_property
    def blobs_path(self) -> Path:
        """Folder of encrypted recordings."""
        return self.data_dir / "blobs"


class Settings(Configuration, BaseSettings):
    """What this process goes by: the machine's file, and what its environment says otherwise."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="HANGJEGYZET_", env_nested_delimiter="__", env_ignore_empty=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get("HANGJEGYZET_CONFIG", CONFIGURATION_FILE)
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=Path(file))
