"""One frozen, typed settings object, read from one TOML file and the environment.

The file is ``appliance.toml``, found through ``HANGJEGYZET_CONFIG``; an environment variable such as
``HANGJEGYZET_WEB__PORT=9443`` wins over it. Unknown keys are errors, so that a misspelt one is never ignored.
"""

import os
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, Self

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
