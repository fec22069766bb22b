"""Creates the database files and writes the server's configuration."""

import os
import shutil
import subprocess
from pathlib import Path

from appliance.adapters.postgres.account import ServerAccount, ourselves
from appliance.adapters.postgres.binaries import Binaries
from appliance.adapters.postgres.layout import Layout
from appliance.database.errors import ClusterOfOtherVersion, ServerDidNotStart
from appliance.database.roles import DatabaseRole
from appliance.kernel.units import GIB, MIB

SUPERUSER = "postgres"
"""Bootstrap role of an embedded cluster; used to make roles and databases, never by the appliance's processes."""

IDENT_MAP = "appliance"
CONFIGURATION = "hangjegyzet.conf"

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
"""All that the server inherits: our own environment may hold what is none of its business."""


def create_cluster(layout: Layout, binaries: Binaries, account: ServerAccount, *, durable: bool) -> None:
    """Run ``initdb`` beside the final place and rename, so that a killed one leaves nothing that looks finished.

    Raises:
        ServerDidNotStart: initdb failed; the message carries its last line.
    """
    final = layout.cluster
    partial = final.with_name(f"{final.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    account.own(partial)
    command = [
        binaries.program("initdb"),
        f"--pgdata={partial}",
        f"--username={SUPERUSER}",
        "--auth-local=peer",
        "--auth-host=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--data-checksums",
        "--no-instructions",
        *([] if durable else ["--no-sync"]),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd="/",
        env=ENVIRONMENT,
        umask=0o077,
        check=False,
        **account.subprocess_options(),
    )
    if done.returncode != 0:
        raise ServerDidNotStart(reason=_last_line(done.stderr or done.stdout), log="empty: initdb failed")
    partial.rename(final)


def require_same_version(layout: Layout, binaries: Binaries) -> None:
    """A cluster opens only with programs of the major version that wrote it.

    Raises:
        ClusterOfOtherVersion: it was written by another one.
    """
    written_by = (layout.cluster / "PG_VERSION").read_text().strip()
    if written_by != str(binaries.major):
        raise ClusterOfOtherVersion(written_by=written_by, found=binaries.version)


def write_configuration(layout: Layout, account: ServerAccount, *, socket_dir: Path, durable: bool) -> None:
    """Write what the server reads at its start; made anew each time, so that nothing in it is anybody's memory."""
    settings = server_settings(memory_bytes=machine_memory(), durable=durable)
    settings["unix_socket_directories"] = str(socket_dir)
    lines = "".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items())
    _write(layout.cluster / CONFIGURATION, "# Written by HangJegyzet at every start.\n" + lines, account)
    include = f"include '{CONFIGURATION}'\n"
    main = layout.cluster / "postgresql.conf"
    if include not in main.read_text():
        with main.open("a") as file:
            file.write(f"\n{include}")
    _write(layout.cluster / "pg_hba.conf", f"local all all peer map={IDENT_MAP}\n", account)
    _write(layout.cluster / "pg_ident.conf", _ident_map(account), account)


def server_settings(*, memory_bytes: int, durable: bool) -> dict[str, str]:
    """Settings for a small machine that mostly does something else: speech and language need the memory.

    Args:
        durable: false only for tests: the server then does not wait for the disk, and a power cut loses data.
    """
    shared = min(max(memory_bytes // 64, 32 * MIB), 512 * MIB)
    settings = {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": f"{shared // MIB}MB",
        "effective_cache_size": f"{max(memory_bytes // 4, 128 * MIB) // MIB}MB",
        "work_mem": "8MB",
        "maintenance_work_mem": "64MB",
        "max_wal_size": "512MB",
        "min_wal_size": "80MB",
        "wal_compression": "on",
        "jit": "off",
        "random_page_cost": "1.1",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %u ",
        # Content never reaches the log: no statements, and none of the values that error details quote.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_statement": "none",
        "log_parameter_max_length": "0",
        "log_checkpoints": "off",
        "idle_in_transaction_session_timeout": "10min",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return settings


def machine_memory() -> int:
    """Bytes of memory that this machine, or the control group we are in, gives us."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            value = Path(file).read_text().strip()
        except OSError:
            continue
        if value.isdigit():
            limits.append(int(value))
    return max(min(limits), GIB // 4)


def _ident_map(account: ServerAccount) -> str:
    """Which operating-system user may be which role: the server's, ourselves, and root, who could be anybody."""
    users = sorted({account.name, "root", ourselves()})
    roles = [*(role.value for role in DatabaseRole), SUPERUSER]
    return "".join(f'{IDENT_MAP} "{user}" {role}\n' for user in users for role in roles)


def _write(path: Path, content: str, account: ServerAccount) -> None:
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    account.own(fresh)
    fresh.replace(path)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
