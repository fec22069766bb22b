#!/usr/bin/env bash
# Installs what the appliance needs to run from this checkout; with --dev also what its tests and checks need, with
# --boxes besides what boots whole machines for tests, with --images besides what makes and emulates them.
#
# Goes on where a broken run stopped, and takes a second when everything is there. As root it installs the packages that
# a Debian 12 or Ubuntu image lacks; otherwise it says which they are. Models and Python packages come from the package
# index now, so that nothing has to be fetched ever after.
set -euo pipefail
cd "$(dirname "$0")/.."

UV_VERSION=0.13.9
UV=.tools/uv/bin/uv
export UV_PYTHON_DOWNLOADS=never
FETCHED_PYTHON=3.12  # where the distribution's own is too old
OS_RELEASE=${OS_RELEASE:-/etc/os-release}
POSTGRES_PROGRAMS=${POSTGRES_PROGRAMS:-/usr/lib/postgresql/*/bin/postgres}
SSH_SERVER=${SSH_SERVER:-/usr/sbin/sshd}

dev=0
case "${1:-}" in
    --dev) dev=1 ;;
    --boxes) dev=2 ;;
    --images) dev=3 ;;
    "") ;;
    *) echo "usage: images/setup.sh [--dev | --boxes | --images]" >&2; exit 2 ;;
esac

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
stop() { printf '\033[31merror:\033[0m %s\n' "$*" >&2; exit 1; }

# --- Nothing to do? ---------------------------------------------------------------------------------------------------

stamp=.venv/.setup-stamp
wanted() { cat uv.lock pyproject.toml images/setup.sh | sha256sum | cut -d' ' -f1; }

is_done() {
    [[ -f $stamp ]] && read -r hash level <"$stamp" && [[ $hash == "$(wanted)" && $level -ge $dev && -x .venv/bin/python ]]
}

finish_quick_parts() {
    [[ ! -x images/build-web.sh ]] || images/build-web.sh
    .venv/bin/python -m images.packs.starter
}

mkdir -p .tools
exec 9>.tools/.setup.lock
flock -n 9 || { say "waiting for another setup"; flock 9; }

if is_done; then
    finish_quick_parts
    exit 0
fi

# --- Packages of the distribution -------------------------------------------------------------------------------------

# The interpreter of an environment that works is kept: another one would make uv throw the environment away.
find_python() {
    local candidate
    for candidate in .venv/bin/python "${UV_PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        if is_usable_python "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

is_usable_python() {
    [[ -n $1 ]] && command -v "$1" >/dev/null || return 1
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null
}

# Ubuntu 22.04 has Python 3.10: enough to install uv, which then fetches a newer one.
has_old_python() {
    python3 -c 'import venv, ensurepip' 2>/dev/null
}

# is_os ubuntu [22.04]: whether this is that distribution, and that version of it.
is_os() (
    # shellcheck source=/dev/null
    . "$OS_RELEASE" 2>/dev/null && [[ $ID == "$1" && ${2:-$VERSION_ID} == "$VERSION_ID" ]]
)

missing_packages() {
    find_python >/dev/null || has_old_python || echo "python3 python3-venv"
    command -v g++ >/dev/null || echo "g++"
    command -v make >/dev/null || echo "make"
    [[ -e /etc/ssl/certs/ca-certificates.crt ]] || echo "ca-certificates"
    if ((dev)); then
        # Ubuntu has Chromium as a snap alone, which an image cannot run; the browser tests then say what they miss.
        command -v chromium >/dev/null || is_os ubuntu || echo "chromium"
        command -v strace >/dev/null || echo "strace"
        command -v shellcheck >/dev/null || echo "shellcheck"
        command -v pgbackrest >/dev/null || echo "pgbackrest"
        command -v age >/dev/null || echo "age"
        command -v rclone >/dev/null || echo "rclone"
        [[ -x $SSH_SERVER ]] || echo "openssh-server"
        # Ubuntu 22.04 has version 14, which is older than the oldest supported one: tests on it are left out.
        compgen -G "$POSTGRES_PROGRAMS" >/dev/null || is_os ubuntu 22.04 || echo "postgresql"
    fi
    if ((dev > 1)); then
        command -v mmdebstrap >/dev/null || echo "mmdebstrap"
        command -v systemd-nspawn >/dev/null || echo "systemd-container"
    fi
    if ((dev > 2)); then
        command -v qemu-img >/dev/null || echo "qemu-utils"
        command -v mcopy >/dev/null || echo "mtools"
        command -v mkfs.vfat >/dev/null || echo "dosfstools"
        command -v mksquashfs >/dev/null || echo "squashfs-tools"
        command -v xorriso >/dev/null || echo "xorriso"
        command -v sfdisk >/dev/null || echo "fdisk"
        command -v qemu-system-x86_64 >/dev/null || echo "qemu-system-x86"
        [[ -e /usr/share/OVMF/OVMF_CODE_4M.fd ]] || echo "ovmf"
        command -v swtpm >/dev/null || echo "swtpm"
    fi
}

install_packages() {
    command -v apt-get >/dev/null || stop "this machine has no apt-get. Install by its own means: $*"
    ((EUID == 0)) || stop "these packages are missing. Install them and run this again:
    sudo apt-get install --yes $*"
    say "installing $*"
    # The tests start servers of their own: the distribution's shall not start one by itself.
    if [[ " $* " == *" postgresql "* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
        mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    fi
    local apt=(apt-get --quiet --yes -o DPkg::Lock::Timeout=600)
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1  # Ubuntu would ask which services to restart
    "${apt[@]}" install --no-install-recommends "$@" >&2 || {
        "${apt[@]}" update >&2 && "${apt[@]}" install --no-install-recommends "$@" >&2
    }
}

# shellcheck disable=SC2207  # package names have no spaces
missing=($(missing_packages))
((${#missing[@]} == 0)) || install_packages "${missing[@]}"
first_python=$(find_python || command -v python3) || stop "no Python was found. Install one, or set UV_PYTHON to it."

if ((EUID == 0)) && ! id hangjegyzet >/dev/null 2>&1; then
    say "adding the unprivileged user hangjegyzet"
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin hangjegyzet
fi

# --- Python packages --------------------------------------------------------------------------------------------------

if [[ ! -x $UV || $($UV --version 2>/dev/null) != "uv $UV_VERSION"* ]]; then
    say "installing uv $UV_VERSION"
    "$first_python" -m venv --clear .tools/uv
    .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
fi

fetch_python() {
    say "the Python of this machine is older than 3.11: fetching $FETCHED_PYTHON, once for this user"
    UV_PYTHON_DOWNLOADS=automatic "$UV" python install --quiet "$FETCHED_PYTHON" >&2
    "$UV" python find --managed-python "$FETCHED_PYTHON"
}

python=$(find_python || fetch_python) ||
    stop "no Python from 3.11 to 3.14 was found, and none could be fetched. Install one, or set UV_PYTHON to it."

# llama.cpp has no wheels. It is built once per machine into a folder of our own, because uv builds it again whenever it
# looks at the source archive anew.
llama=$(sed -n '/^name = "llama-cpp-python"/{n;s/^version = "\(.*\)"/\1/p}' uv.lock)
flags=$("$python" -c '
import tomllib
for pair in tomllib.load(open("pyproject.toml", "rb"))["tool"]["uv"]["extra-build-variables"]["llama-cpp-python"].items():
    print("=".join(pair))')
wheels="${XDG_CACHE_HOME:-$HOME/.cache}/hangjegyzet/wheels/llama-cpp-python-$llama-$(sha256sum <<<"$flags" | cut -c1-12)"

build_llama() {
    local work progress
    work=$(mktemp -d)
    "$UV" export --quiet --frozen --no-emit-project | sed -n '/^llama-cpp-python==/,/[^\\]$/p' >"$work/requirement.txt"
    say "building llama.cpp, once on this machine: about eight minutes on two cores"
    run_with_flags .tools/uv/bin/python -m pip --disable-pip-version-check wheel --verbose --no-deps --require-hashes \
        --requirement "$work/requirement.txt" --wheel-dir "$work" >"$work/log" 2>&1 9>&- &
    while kill -0 $! 2>/dev/null; do
        progress=$(grep -o '^ *\[[0-9]*/[0-9]*\]' "$work/log" | tail -n 1 || true)
        [[ ! -t 2 ]] || printf '\r    %-20s' "${progress:-preparing}" >&2
        sleep 1
    done
    [[ ! -t 2 ]] || printf '\r%-24s\r' "" >&2
    wait $! || { tail -n 40 "$work/log" >&2; stop "llama.cpp could not be built; the log is $work/log"; }
    mkdir -p "$wheels"
    mv "$work"/*.whl "$wheels/"
    rm -r "$work"
}

# Runs a command with the build settings of pyproject.toml in its environment.
run_with_flags() (
    while IFS= read -r flag; do export "${flag?}"; done <<<"$flags"
    exec "$@"
)

has_llama() {
    .venv/bin/python -c "from importlib.metadata import version; exit(version('llama-cpp-python') != '$llama')" 2>/dev/null
}

say "installing Python packages"
sync=("$UV" sync --frozen --all-extras --all-groups)
[[ $python == .venv/bin/python ]] || sync+=(--python "$python")
has_llama || sync+=(--no-install-package llama-cpp-python)
# Without a network the cache of an earlier checkout on this machine is enough.
"${sync[@]}" || "${sync[@]}" --offline
if ! has_llama; then
    compgen -G "$wheels/*.whl" >/dev/null || build_llama
    "$UV" pip install --quiet --no-deps --no-index --find-links "$wheels" "llama-cpp-python==$llama"
fi

# --- Browser code and models ------------------------------------------------------------------------------------------

finish_quick_parts
echo "$(wanted) $dev" >"$stamp"
say "ready"
