"""What an operator does about a cluster: begin one, invite members, join it, look at it."""

import grp
import http.client
import json
import ssl
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from appliance.configuration.ports import Task
from appliance.entry.nodes import bring_about, require_empty, require_root
from appliance.kernel.clock import SystemClock
from appliance.nodes.authority import Authority, new_key, private_pem, write_file
from appliance.nodes.errors import ClusterExists, ClusterUnknown, NoCluster, NoSuchMember
from appliance.nodes.membership import (
    INVITATION_LIMIT_BYTES,
    ClusterState,
    Invitation,
    members_of,
    new_code,
    open_invitation,
    read_state,
    seal_invitation,
)
from appliance.settings import Settings

ROOT_KEY = "root.key"
AUTHORITY, AUTHORITY_KEY = "authority.pem", "cluster.key"
LIFETIME_DAYS = 3 * 365
"""Members do not join and leave as workers do; health says half a year before the end that a new ceremony is due."""
APP = "hangjegyzet-app"
"""Who the appliance's own processes are to the database: the roles that they have on one box, and never the owner."""
PROXY_PORT = 5000
KEEPER_PORT = 8008
PATIENCE_S = 5.0
LOCAL = "127.0.0.1"

_TAKE_UP = (
    ("systemctl", "restart", "hangjegyzet-etcd.service"),
    ("systemctl", "restart", "hangjegyzet-haproxy.service"),
    ("systemctl", "reload", "hangjegyzet-patroni.service"),
    ("runuser", "-u", "postgres", "--", "psql", "--no-psqlrc", "--quiet", "--command=SELECT pg_reload_conf()"),
)
"""Who shows the certificates, and how each takes up new ones; connections that are open go on."""

Tell = Callable[[Task], object]


def begin(settings: Settings, *, name: str, members: tuple[str, ...], address: str | None, tell: Tell) -> None:
    """Make this machine the first member of a cluster; its database goes on where it is, kept by others than before.

    Raises:
        NeedsRoot: somebody else asks.
        ClusterExists: it is in one already.
        ConfigurationInvalid: names or addresses cannot be so.
        ApplyFailed: it could not be brought about.
    """
    require_root()
    if settings.cluster.members:
        raise ClusterExists(name=settings.cluster.name)
    folder, addresses = settings.cluster.folder, members_of(members)
    signer = _authority(settings)
    signer.create(name="HangJegyzet cluster", now=SystemClock().now())
    _put_files(settings, _member_files(signer, name, _addresses(addresses[name], address)))
    bring_about(_settings_of(name, members, address, folder), tell)


def invite(settings: Settings, name: str, file: Path) -> str:
    """Write what another machine needs to become the member ``name``; returns the code that opens it.

    Raises:
        NeedsRoot: somebody else asks.
        NoCluster: there is none to invite to.
        NoSuchMember: it is not declared.
    """
    require_root()
    cluster = settings.cluster
    if not cluster.members:
        raise NoCluster
    addresses = members_of(cluster.members)
    if name not in addresses or name == cluster.name:
        raise NoSuchMember(name=name, members=", ".join(addresses))
    signer, code = _authority(settings), new_code()
    files = _member_files(signer, name, _addresses(addresses[name], cluster.address))
    files[ROOT_KEY] = settings.root_key_path.read_bytes()
    wanted = _settings_of(name, cluster.members, cluster.address, cluster.folder)
    known = {key: value for key, value in wanted.items() if value is not None}
    write_file(file, seal_invitation(Invitation(name, known, files), code), mode=0o600)
    return code


def join(settings: Settings, file: Path, code: str, *, tell: Tell) -> str:
    """Make this machine the member that the invitation says; returns its name.

    Raises:
        NeedsRoot: somebody else asks.
        ClusterExists: it is in one already.
        NotEmpty: it has meetings of its own.
        InvitationDamaged: the file or the code is not the right one.
        ApplyFailed: it could not be brought about.
    """
    require_root()
    if settings.cluster.members:
        raise ClusterExists(name=settings.cluster.name)
    with file.open("rb") as source:
        invitation = open_invitation(source.read(INVITATION_LIMIT_BYTES + 1), code)
    require_empty(settings)
    _put_files(settings, invitation.files)
    bring_about(invitation.settings, tell)
    return invitation.name


def renew(settings: Settings, file: Path | None, code: str) -> None:
    """Put new certificates in the place of this member's: from an invitation, or its own on the member that signs.

    Raises:
        NeedsRoot: somebody else asks.
        NoCluster: this machine is in none.
        NoSuchMember: the invitation is another member's.
        InvitationDamaged: the file or the code is not the right one.
        AuthorityDamaged: without an invitation, on a member that does not sign.
        ClusterUnknown: the processes that show them could not be restarted.
    """
    require_root()
    cluster = settings.cluster
    if not cluster.members or cluster.name is None:
        raise NoCluster
    addresses = members_of(cluster.members)
    if file is None:
        own = _addresses(addresses[cluster.name], cluster.address)
        files = _member_files(_authority(settings), cluster.name, own)
    else:
        with file.open("rb") as source:
            invitation = open_invitation(source.read(INVITATION_LIMIT_BYTES + 1), code)
        if invitation.name != cluster.name:
            raise NoSuchMember(name=invitation.name, members=f"this one is {cluster.name}")
        files = {name: data for name, data in invitation.files.items() if name != ROOT_KEY}
    _put_files(settings, files)
    for command in _TAKE_UP:
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=120, cwd="/", stdin=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as error:
            raise ClusterUnknown(reason=f"{' '.join(command)} failed") from error


def state(settings: Settings) -> ClusterState:
    """Who leads, who follows how far behind, as this member's keeper knows.

    Raises:
        NoCluster: this machine is in none.
        ClusterUnknown: the keeper does not answer.
    """
    cluster = settings.cluster
    if not cluster.members or cluster.name is None:
        raise NoCluster
    own = members_of(cluster.members)[cluster.name]
    context = ssl.create_default_context(cafile=str(cluster.folder / AUTHORITY))
    connection = http.client.HTTPSConnection(own, KEEPER_PORT, timeout=PATIENCE_S, context=context)
    try:
        context.load_cert_chain(cluster.folder / "member.pem", cluster.folder / "member.key")
        connection.request("GET", "/cluster")
        answer = connection.getresponse().read(INVITATION_LIMIT_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise ClusterUnknown(reason=str(error) or type(error).__name__) from error
    finally:
        connection.close()
    return read_state(answer, members=tuple(members_of(cluster.members)))


def _authority(settings: Settings) -> Authority:
    return Authority(settings.cluster.folder / AUTHORITY, settings.root_key_path.with_name(AUTHORITY_KEY))


def _addresses(own: str, shared: str | None) -> tuple[str, ...]:
    """Under which a member's database is called: its own, the one that moves, and its own proxy's."""
    return (own, *(() if shared is None else (shared.partition("/")[0],)), LOCAL)


def _member_files(signer: Authority, name: str, addresses: tuple[str, ...]) -> dict[str, bytes]:
    now = SystemClock().now()
    member, app = new_key(), new_key()
    certificate = signer.issue(member.public_key(), name=name, addresses=addresses, now=now, days=LIFETIME_DAYS)
    app_certificate = signer.issue(app.public_key(), name=APP, addresses=(), now=now, days=LIFETIME_DAYS)
    return {
        AUTHORITY: signer.pem,
        "member.pem": certificate.pem,
        "member.key": private_pem(member),
        "app.pem": app_certificate.pem,
        "app.key": private_pem(app),
    }


def _put_files(settings: Settings, files: Mapping[str, bytes]) -> None:
    """Each to its place, for those who need it: the server's account, the appliance's, or root alone."""
    folder = settings.cluster.folder
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    postgres, app = grp.getgrnam("postgres").gr_gid, grp.getgrnam("hangjegyzet").gr_gid
    for name in (AUTHORITY, "member.pem", "app.pem"):
        write_file(folder / name, files[name], mode=0o644)
    write_file(folder / "member.key", files["member.key"], mode=0o640, group=postgres)
    write_file(folder / "app.key", files["app.key"], mode=0o640, group=app)
    write_file(folder / "haproxy.pem", files["member.pem"] + files["member.key"], mode=0o600)
    if ROOT_KEY in files:
        write_file(settings.root_key_path, files[ROOT_KEY], mode=0o400)


def _settings_of(name: str, members: tuple[str, ...], address: str | None, folder: Path) -> dict[str, str | None]:
    return {
        "cluster.name": name,
        "cluster.members": json.dumps(list(members)),
        "cluster.address": address,
        "database.url": _url(folder, "app"),
        "database.owner_url": _url(folder, "member"),
    }


def _url(folder: Path, who: str) -> str:
    return (
        f"postgresql://{LOCAL}:{PROXY_PORT}/hangjegyzet?sslmode=verify-full&ssl_min_protocol_version=TLSv1.3"
        f"&sslrootcert={folder / AUTHORITY}&sslcert={folder / who}.pem&sslkey={folder / who}.key"
        "&keepalives_idle=5&keepalives_interval=2&keepalives_count=3&tcp_user_timeout=15000"
    )
