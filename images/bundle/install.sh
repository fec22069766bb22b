#!/usr/bin/env bash
# Installs HangJegyzet from this folder on a Debian 12 machine without a network.
#
#   ./install.sh                    check the bundle, ask about the root keys, install, set up
#   ./install.sh --trust SHA256     the same without asking: the fingerprint of the root keys, from the printed sheet
#   ./install.sh --verify-only      check the bundle and change nothing (needs no root)
#   ./install.sh --stage-only       install the release and stop before setting the machine up
#   ./install.sh --same-disk        for a trial: let backups lie on the disk of the data, where there is no second one
#
# For `hangjegyzet upgrade`, on a copy that root alone can reach: --build-only puts the release beside the running one,
# --packages installs what it needs of the distribution, --packages-simulate says what that would change.
#
# Packs of models (hangjegyzet-models-*.tar) that lie beside this folder are imported too.
#
# Everything is checked with openssl and sha256sum before anything of the bundle runs. In this order:
#   1. plain files with plain names only           4. the release key signed SHA256SUMS
#   2. three root keys that a person confirmed,    5. exactly the listed files are there, byte for byte
#      or that this machine has trusted since      6. the release is for this machine, and not older than one it had
#   3. two of them signed the release key, which is valid now and not revoked
# The stick is read once: what is installed is the copy that was checked. A run that was cut off is simply repeated; a
# release that is not whole never gets its name.
#
# Exit codes: 0 done, 1 failed, 2 wrong call, 3 refused, 5 not now (space, another run), 6 damaged.
set -euo pipefail
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022

readonly PRODUCT=hangjegyzet
readonly HOME_DIR=/opt/hangjegyzet
readonly RELEASES=$HOME_DIR/releases
readonly HIGH_SEQ=$HOME_DIR/high_seq
readonly TRUST=/etc/hangjegyzet/trust
readonly DATA=/var/lib/hangjegyzet
readonly CERTIFICATE=$DATA/tls/portal.pem
readonly CONFIGURATION=/etc/hangjegyzet/appliance.toml
readonly BACKUPS=/var/backups/hangjegyzet
readonly NOTES=/var/lib/hangjegyzet-install
readonly LOG=/var/log/hangjegyzet-install.log
readonly LOCK=/run/hangjegyzet-install.lock
SOURCE=$(dirname "$(readlink -f "$0")")
readonly SOURCE

# --- Talking ------------------------------------------------------------------------------------------------------------

case "${HANGJEGYZET_LANG:-${LC_MESSAGES:-${LANG:-}}}" in hu*) hungarian=1 ;; *) hungarian=0 ;; esac

# t ENGLISH HUNGARIAN: the one that the person reads.
t() { if ((hungarian)); then printf '%s' "$2"; else printf '%s' "$1"; fi; }
say() { printf '==> %s\n' "$(t "$1" "$2")" >&2; }
warn() { printf '!!! %s\n' "$(t "$1" "$2")" >&2; }
# stop CODE ENGLISH HUNGARIAN [HINT_ENGLISH HINT_HUNGARIAN]
stop() {
    printf '\n%s %s\n' "$(t 'STOPPED:' 'MEGÁLLT:')" "$(t "$2" "$3")" >&2
    if [[ -n ${4:-} ]]; then printf '    %s\n' "$(t "$4" "${5:-$4}")" >&2; fi
    exit "$1"
}
damaged() { stop 6 "$1" "$2" "Copy the bundle again. If it stays so, do not trust where it came from." \
    "Másolja át újra a telepítőcsomagot. Ha így is ugyanez történik, ne bízzon abban, ahonnan származik."; }
refused() { stop 3 "$1" "$2" "${3:-Do not install it. Report it to the maker.}" \
    "${4:-Ne telepítse. Jelezze a gyártónak.}"; }

# --- Arguments ----------------------------------------------------------------------------------------------------------

mode=install
confirmed=
first_settings=()
while (($#)); do
    case "$1" in
        --trust) confirmed=${2:?--trust needs a fingerprint}; shift ;;
        --trust=*) confirmed=${1#--trust=} ;;
        --verify-only) mode=verify ;;
        --same-disk) first_settings=(--set backups.same_disk=true) ;;
        --stage-only) mode=stage ;;
        --build-only | --packages | --packages-simulate) mode=${1#--} ;;
        -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
        *) echo "install.sh: unknown argument $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done
confirmed=$(tr -d ' :\t' <<<"$confirmed" | tr 'A-F' 'a-f')
[[ -z $confirmed || $confirmed =~ ^[0-9a-f]{64}$ ]] || { echo "install.sh: --trust wants 64 hexadecimal digits" >&2; exit 2; }

for tool in openssl sha256sum find sort awk sed flock; do
    command -v "$tool" >/dev/null || stop 5 "$tool is missing on this machine; the bundle cannot be checked without it." \
        "Ezen a gépen nincs $tool; nélküle a telepítőcsomag nem ellenőrizhető." \
        "Install it from Debian's own medium." "Telepítse a Debian saját adathordozójáról."
done

# --- Reading signed documents (one field per line; only after their signature was right) --------------------------------

text_field() { sed -n 's/^  "'"$2"'": "\([^"]*\)",\{0,1\}$/\1/p' "$1"; }
number_field() { sed -n 's/^ *"'"$2"'": \([0-9]*\),\{0,1\}$/\1/p' "$1"; }
inner_text_field() { sed -n 's/^    "'"$2"'": "\([^"]*\)",\{0,1\}$/\1/p' "$1"; }
list_field() { sed -n '/^ *"'"$2"'": \[$/,/^ *\],\{0,1\}$/{s/^ *"\([^"]*\)",\{0,1\}$/\1/p}' "$1"; }
sha256_of() { sha256sum <"$1" | cut -d' ' -f1; }

# signed_by KEY SIGNATURE FILE
signed_by() { openssl pkeyutl -verify -pubin -inkey "$1" -rawin -in "$3" -sigfile "$2" >/dev/null 2>&1; }

# A file that holds one Ed25519 key in plain PEM and nothing else.
is_key() {
    [[ $(openssl pkey -pubin -in "$1" -noout -text 2>/dev/null | head -n 1) == "ED25519 Public-Key:" ]] &&
        openssl pkey -pubin -in "$1" -pubout 2>/dev/null | cmp -s - "$1"
}

# --- 1. Plain files -----------------------------------------------------------------------------------------------------

require_plain_files() {
    local folder=$1 strange
    strange=$(find "$folder" -mindepth 1 \( ! -type f ! -type d -o -name '[.-]*' -o -name '*[!A-Za-z0-9_.+~%=@,-]*' \) \
        -printf '%y %P\n' -quit | tr -cd '[:print:]')
    [[ -z $strange ]] || refused "The bundle holds something that is no plain file with a plain name: $strange" \
        "A telepítőcsomagban olyan elem van, amely nem egyszerű nevű, egyszerű fájl: $strange"
    local name
    for name in SHA256SUMS SHA256SUMS.sig manifest.json keys/release.pem keys/release.json; do
        [[ -f $folder/$name ]] || damaged "The bundle lacks $name." "A telepítőcsomagból hiányzik: $name."
    done
}

# --- 2. Root keys -------------------------------------------------------------------------------------------------------

# Sets ROOTS, the folder whose root keys count.
choose_roots() {
    local folder=$1 number fingerprint answer
    if [[ -f $TRUST/root-1.pem ]]; then
        ROOTS=$TRUST
    else
        ROOTS=$folder/keys
    fi
    for number in 1 2 3; do
        is_key "$ROOTS/root-$number.pem" || refused "The root key $ROOTS/root-$number.pem is missing or cannot be used." \
            "A(z) $ROOTS/root-$number.pem gyökérkulcs hiányzik vagy nem használható."
    done
    [[ $(sha256sum "$ROOTS"/root-[123].pem | cut -d' ' -f1 | sort -u | wc -l) == 3 ]] ||
        refused "The three root keys are not different." "A három gyökérkulcs nem különbözik egymástól."
    fingerprint=$(cat "$ROOTS/root-1.pem" "$ROOTS/root-2.pem" "$ROOTS/root-3.pem" | sha256sum | cut -d' ' -f1)
    if [[ -n $confirmed ]]; then
        [[ $confirmed == "$fingerprint" ]] || refused "The root keys have the fingerprint $fingerprint, not the given one." \
            "A gyökérkulcsok ujjlenyomata $fingerprint, nem a megadott."
    elif [[ $ROOTS != "$TRUST" ]]; then
        ask_about_roots "$fingerprint"
    fi
}

ask_about_roots() {
    local fingerprint=$1 number answer
    {
        t "This machine trusts nobody yet. The bundle was made by whoever holds these root keys:" \
            "Ez a gép még senkiben sem bízik. A telepítőcsomagot az készítette, akinél ezek a gyökérkulcsok vannak:"
        printf '\n\n'
        for number in 1 2 3; do
            printf '    root-%s   %s\n' "$number" "$(sha256_of "$ROOTS/root-$number.pem")"
        done
        printf '    %-8s %s\n\n' "$(t all együtt)" "$(fold -w 8 <<<"$fingerprint" | paste -sd ' ')"
        t "Compare the last line with the printed sheet, then type its first and its last group of eight:" \
            "Vesse össze az utolsó sort a nyomtatott lappal, majd gépelje be az első és az utolsó nyolcas csoportját:"
        printf ' '
    } >&2
    [[ -t 0 ]] || stop 3 "Nobody is there to confirm the root keys." "Nincs, aki a gyökérkulcsokat megerősítse." \
        "Run it on a terminal, or give the fingerprint from the printed sheet: --trust SHA256" \
        "Futtassa terminálon, vagy adja meg a nyomtatott lapról az ujjlenyomatot: --trust SHA256"
    read -r answer
    answer=$(tr -d ' ' <<<"$answer" | tr 'A-F' 'a-f')
    [[ $answer == "${fingerprint:0:8}${fingerprint:56:8}" || $answer == "$fingerprint" ]] ||
        refused "That is not what the root keys say." "A gyökérkulcsok nem ezt mondják."
}

# --- 3. Release key -----------------------------------------------------------------------------------------------------

# require_two_signatures DOCUMENT: by two of the three root keys, each under its own number.
require_two_signatures() {
    local document=$1 number count=0
    for number in 1 2 3; do
        if [[ -f $document.root-$number.sig ]] &&
            signed_by "$ROOTS/root-$number.pem" "$document.root-$number.sig" "$document"; then
            count=$((count + 1))
        fi
    done
    ((count >= 2)) || refused "${document##*/} is signed by $count of the root keys that this machine trusts; 2 are needed." \
        "A(z) ${document##*/} dokumentumot a megbízhatónak tartott gyökérkulcsok közül $count írta alá; 2 szükséges."
}

require_release_key() {
    local keys=$1/keys now listed
    require_two_signatures "$keys/release.json"
    [[ $(text_field "$keys/release.json" type) == hangjegyzet-release-key &&
        $(number_field "$keys/release.json" format) == 1 ]] ||
        refused "The statement about the release key is of another kind." "A kiadáskulcsról szóló nyilatkozat más fajtájú."
    if [[ $(text_field "$keys/release.json" sha256) != "$(sha256_of "$keys/release.pem")" ]] || ! is_key "$keys/release.pem"
    then
        refused "The release key is not the one that the root keys signed." \
            "A kiadáskulcs nem az, amelyet a gyökérkulcsok aláírtak."
    fi
    for listed in "$keys/revoked.json" "$TRUST/revoked.json"; do
        [[ -f $listed ]] || continue
        require_two_signatures "$listed"
        ! grep -qF "\"sha256\": \"$(sha256_of "$keys/release.pem")\"" "$listed" ||
            refused "The release key was revoked." "A kiadáskulcsot visszavonták."
    done
    list_field "$keys/release.json" purpose | grep -qx bundle ||
        refused "The release key may not sign bundles." "A kiadáskulcs nem írhat alá telepítőcsomagot."
    now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    [[ ! $now < $(text_field "$keys/release.json" not_before) ]] ||
        refused "The release key is valid from $(text_field "$keys/release.json" not_before); the clock says $now." \
            "A kiadáskulcs ettől érvényes: $(text_field "$keys/release.json" not_before); az óra szerint most $now van." \
            "Set the clock: timedatectl set-time" "Állítsa be az órát: timedatectl set-time"
    [[ $now < $(text_field "$keys/release.json" not_after) ]] ||
        refused "The release key was valid until $(text_field "$keys/release.json" not_after); the clock says $now." \
            "A kiadáskulcs eddig volt érvényes: $(text_field "$keys/release.json" not_after); az óra szerint most $now van." \
            "Check the clock. If it is right, ask the maker for a current bundle." \
            "Ellenőrizze az órát. Ha pontos, kérjen a gyártótól friss telepítőcsomagot."
    [[ $(text_field "$keys/release.json" grade) == production ]] ||
        warn "THROW-AWAY KEYS: this bundle was made on a developer's machine. Use it for trials only." \
            "ELDOBHATÓ KULCSOK: ez a telepítőcsomag egy fejlesztő gépén készült. Csak kipróbálásra használja."
}

# --- 4. and 5. Every byte -----------------------------------------------------------------------------------------------

require_signed_files() {
    local folder=$1 difference
    signed_by "$folder/keys/release.pem" "$folder/SHA256SUMS.sig" "$folder/SHA256SUMS" ||
        refused "The list of checksums was not signed by the release key." "Az ellenőrző összegeket nem a kiadáskulcs írta alá."
    ! grep -qvE '^[0-9a-f]{64}  [A-Za-z0-9_][A-Za-z0-9_.+~%=@,/-]*$' "$folder/SHA256SUMS" ||
        damaged "The list of checksums is not in its form." "Az ellenőrző összegek listája nem a várt alakú."
    difference=$(diff <(cut -c67- "$folder/SHA256SUMS") <(find "$folder" -type f -printf '%P\n' | sort |
        grep -vxE 'SHA256SUMS(\.sig)?') | sed -n '/^[<>]/{s/^< /missing: /;s/^> /nobody signed for: /;p;q}' || true)
    [[ -z $difference ]] || damaged "The files are not those that were signed. $difference" \
        "Nem azok a fájlok vannak itt, amelyeket aláírtak. $difference"
    (cd "$folder" && sha256sum --check --strict --quiet SHA256SUMS >&2) ||
        damaged "The files named above are not what was signed." "A fent megnevezett fájlok nem azok, amelyeket aláírtak."
}

# --- 6. This machine ----------------------------------------------------------------------------------------------------

require_this_machine() {
    local manifest=$1/manifest.json found high=0
    version=$(text_field "$manifest" version)
    seq=$(number_field "$manifest" release_seq)
    [[ $(number_field "$manifest" format) == 1 && $(text_field "$manifest" product) == "$PRODUCT" ]] ||
        refused "The bundle is of another format or product." "A telepítőcsomag más formátumú, vagy más termék."
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-rc\.[0-9]+)?$ && $seq =~ ^[0-9]{1,16}$ ]] ||
        damaged "The manifest cannot be read." "A jegyzék nem olvasható."
    # shellcheck source=/dev/null
    found=$(. /etc/os-release && echo "$ID $VERSION_ID")" $(dpkg --print-architecture)"
    [[ $found == "$(inner_text_field "$manifest" os) $(inner_text_field "$manifest" os_version) $(inner_text_field "$manifest" arch)" ]] ||
        refused "This release is not made for this machine ($found)." "Ez a kiadás nem erre a gépre készült ($found)." \
            "Ask the maker for the bundle for this system." "Kérje a gyártótól az ehhez a rendszerhez való telepítőcsomagot."
    if [[ -f $HIGH_SEQ ]]; then high=$(<"$HIGH_SEQ"); fi
    [[ $high =~ ^[0-9]{1,16}$ ]] || damaged "$HIGH_SEQ is damaged." "A(z) $HIGH_SEQ fájl sérült."
    ((seq >= high)) || refused "Release $version has the number $seq; this machine has already had number $high." \
        "A(z) $version kiadás sorszáma $seq; ezen a gépen már $high sorszámú is volt." \
        "An older release may hold holes that are closed by now. Install that release, or a newer one." \
        "Egy régebbi kiadásban azóta befoltozott rések lehetnek. Azt a kiadást telepítse, vagy újabbat."
}

require_resources() {
    local manifest=$1/manifest.json flag free needed memory
    for flag in $(list_field "$manifest" cpu_flags); do
        grep -qwm1 "$flag" /proc/cpuinfo || stop 3 "The processor lacks $flag." "A processzorból hiányzik: $flag." \
            "It takes an x86-64 processor of 2013 or newer; a virtual machine must pass its abilities through." \
            "2013-as vagy újabb x86-64 processzor kell; a virtuális gépnek át kell adnia a képességeit."
    done
    memory=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo) * 1024))
    needed=$(number_field "$manifest" memory_bytes)
    ((memory >= needed)) || stop 5 "The machine has $((memory >> 20)) MiB of memory; $((needed >> 20)) MiB are needed." \
        "A gépben $((memory >> 20)) MiB memória van; $((needed >> 20)) MiB szükséges."
    free=$(df --output=avail -B1 "$(existing_parent "$HOME_DIR")" | tail -n 1)
    needed=$(number_field "$manifest" disk_bytes)
    ((free >= needed)) || stop 5 "$HOME_DIR has $((free >> 20)) MiB free; $((needed >> 20)) MiB are needed." \
        "A(z) $HOME_DIR helyén $((free >> 20)) MiB szabad; $((needed >> 20)) MiB szükséges." \
        "Free some space, or put $HOME_DIR on a larger disk." "Szabadítson fel helyet, vagy tegye nagyobb lemezre."
}

existing_parent() { local path=$1; while [[ ! -d $path ]]; do path=$(dirname "$path"); done; echo "$path"; }

# Sets `verified` as the last thing: an error that makes bash leave a function must not look like success.
verified=
verify() {
    require_plain_files "$1"
    choose_roots "$1"
    require_release_key "$1"
    require_signed_files "$1"
    require_this_machine "$1"
    verified=$1
}
require_verified() { [[ $verified == "$1" ]] || stop 1 "The check did not come to its end." "Az ellenőrzés nem ért a végére."; }

if [[ $mode == verify ]]; then
    say "checking the bundle" "a telepítőcsomag ellenőrzése"
    verify "$SOURCE"
    require_verified "$SOURCE"
    say "the bundle is whole and right: $PRODUCT $version, number $seq" \
        "a telepítőcsomag ép és hiteles: $PRODUCT $version, sorszám: $seq"
    exit 0
fi

# --- Installing ---------------------------------------------------------------------------------------------------------

((EUID == 0)) || stop 3 "This has to be run as root." "Ezt rendszergazdaként (root) kell futtatni." "sudo $0 $*"
[[ -d /run/systemd/system ]] || stop 3 "This machine was not booted with systemd." "Ezt a gépet nem a systemd indította."
exec 9>"$LOCK"
flock -n 9 || stop 5 "Another installation is running." "Már fut egy telepítés."

# What is not whole has no name of a release; it goes when this ends, and when a later run finds it. Each run has a folder
# of its own: programs that a killed run left behind may still be writing into theirs.
readonly partial=$RELEASES/.incoming.$$
clean_up() { rm -rf "$RELEASES"/.incoming.* || true; }
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$RELEASES"
clean_up

# logged ENGLISH HUNGARIAN COMMAND...: talk goes to the log, its end to the person if the command fails.
logged() {
    local english=$1 magyar=$2
    shift 2
    say "$english" "$magyar"
    printf '\n--- %s\n' "$*" >>"$LOG"
    # In the background, because bash ignores `set -e` inside of anything that is followed by ||.
    "$@" >>"$LOG" 2>&1 </dev/null 9>&- &
    wait $! || {
        tail -n 20 "$LOG" >&2
        stop 1 "$english: this failed. The whole log is $LOG." "$magyar: ez nem sikerült. A teljes napló: $LOG."
    }
}

copy_and_verify() {
    require_plain_files "$SOURCE"
    say "copying the bundle" "a telepítőcsomag másolása"
    local size free
    size=$(du -sb "$SOURCE" | cut -f1)
    free=$(df --output=avail -B1 "$RELEASES" | tail -n 1)
    ((free > size)) || stop 5 "$HOME_DIR has $((free >> 20)) MiB free; the bundle alone takes $((size >> 20)) MiB." \
        "A(z) $HOME_DIR helyén $((free >> 20)) MiB szabad; maga a telepítőcsomag $((size >> 20)) MiB."
    mkdir -m 0700 "$partial" "$partial/bundle"
    cp -R --no-dereference --no-preserve=all "$SOURCE/." "$partial/bundle/" ||
        damaged "The bundle cannot be read to its end." "A telepítőcsomag nem olvasható végig."
    say "checking the copy" "a másolat ellenőrzése"
    verify "$partial/bundle"
    require_resources "$partial/bundle"
    say "$PRODUCT $version, number $seq: whole and right" "$PRODUCT $version, sorszám: $seq; ép és hiteles"
}

# Only the bundle's packages count: no other source, no lists of this machine, and nothing is fetched.
apt_from_bundle() {
    local root=$partial/apt
    mkdir -p "$root/lists/partial" "$root/archives/partial" "$root/parts"
    echo "deb [trusted=yes] file:$bundle/debs ./" >"$root/sources.list"
    DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes -o Dir::Etc::sourcelist="$root/sources.list" \
        -o Dir::Etc::sourceparts="$root/parts" -o Dir::State::lists="$root/lists" -o Dir::Cache::archives="$root/archives" \
        -o Acquire::Languages=none -o APT::Sandbox::User=root -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

# What was here before, once: for whoever takes the appliance off again.
note_before() {
    if [[ -e $NOTES/packages.before ]]; then return; fi
    mkdir -p "$NOTES"
    chmod 0700 "$NOTES"
    if [[ -f /etc/nftables.conf ]]; then cp -p /etc/nftables.conf "$NOTES/nftables.conf"; fi
    dpkg-query --show --showformat '${Package}\n' >"$NOTES/packages.new"
    sync "$NOTES/packages.new"
    mv "$NOTES/packages.new" "$NOTES/packages.before"
}

install_debs() {
    # The appliance makes its own database cluster, with the locale that Hungarian needs.
    if [[ ! -e /etc/postgresql-common/createcluster.conf ]]; then
        mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    fi
    settle_dpkg
    install_wanted
}

# A run that was killed may have left dpkg behind, which goes on, or packages half set up.
settle_dpkg() {
    local attempt
    for attempt in {60..0}; do
        if dpkg --configure -a; then break; fi
        ((attempt)) || return 1
        sleep 5
    done
}

# install_wanted [OPTION]: the named packages of the bundle, and what they need.
install_wanted() {
    local names
    apt_from_bundle update
    mapfile -t names <"$bundle/debs/wanted"
    apt_from_bundle install --no-install-recommends "$@" "${names[@]}"
}

build_release() {
    local python=$partial/release/venv/bin/python
    mkdir -m 0755 "$partial/release"
    python3 -m venv "$partial/release/venv"
    "$python" -I -m pip install --no-index --find-links "$bundle/wheels" --require-hashes --no-cache-dir \
        --disable-pip-version-check --no-input --requirement "$bundle/wheels/requirements.txt"
    "$python" -I -m pip check
    cp -R "$bundle/ansible" "$bundle/debs-cluster" "$bundle/docs" "$bundle/manifest.json" "$bundle/sbom.cdx.json" "$bundle/LICENSE" \
        "$bundle/NOTICE" "$bundle/CHANGELOG.md" "$partial/release/"
    "$python" -I -m cli.launch --version
    sync -f "$partial/release"
}

# From here on the release has its name; the swap of the link is atomic.
put_in_place() {
    local release=$RELEASES/$version
    rm -rf "$release.replaced"
    if [[ -e $release ]]; then mv "$release" "$release.replaced"; fi
    mv "$partial/release" "$release"
    rm -rf "$release.replaced"
    sync -f "$RELEASES"
}

keep_trust() {
    local number name
    mkdir -p "$TRUST"
    # The first key last: where it is, the others are.
    for number in 3 2 1; do
        [[ -f $TRUST/root-1.pem ]] || install -m 0644 "$bundle/keys/root-$number.pem" "$TRUST/"
    done
    if [[ -f $bundle/keys/revoked.json ]] && { [[ ! -f $TRUST/revoked.json ]] ||
        (($(number_field "$bundle/keys/revoked.json" serial) > $(number_field "$TRUST/revoked.json" serial))); }; then
        for name in "$bundle"/keys/revoked.json*; do install -m 0644 "$name" "$TRUST/"; done
    fi
    echo "$seq" >"$HIGH_SEQ.new"
    sync "$HIGH_SEQ.new"
    mv "$HIGH_SEQ.new" "$HIGH_SEQ"
}

point_to() {
    local old
    old=$(readlink "$HOME_DIR/current" || true)
    if [[ -n $old && $old != "releases/$version" && -d $HOME_DIR/$old ]]; then
        ln -sfn "$old" "$HOME_DIR/previous.new"
        mv -T "$HOME_DIR/previous.new" "$HOME_DIR/previous"
    fi
    ln -sfn "releases/$version" "$HOME_DIR/current.new"
    mv -T "$HOME_DIR/current.new" "$HOME_DIR/current"
    sync -f "$HOME_DIR"
}

launch() { "$HOME_DIR/current/venv/bin/python" -I -m cli.launch "$@"; }

# A release that is in place and whole need not be built again; a run that was cut off goes on behind it.
is_in_place() {
    [[ -f $RELEASES/$version/manifest.json ]] && cmp -s "$RELEASES/$version/manifest.json" "$bundle/manifest.json" &&
        "$RELEASES/$version/venv/bin/python" -I -m cli.launch --version >/dev/null 2>&1
}

# A release whose place was just being taken when the power went.
for kept in "$RELEASES"/*.replaced; do
    [[ -e $kept ]] || continue
    if [[ -e ${kept%.replaced} ]]; then rm -rf "$kept"; else mv "$kept" "${kept%.replaced}"; fi
done

if [[ -L $HOME_DIR/current && $mode == install ]]; then
    current=$(readlink "$HOME_DIR/current")
    manifest_version=$(text_field "$SOURCE/manifest.json" version)
    [[ $current == "releases/$manifest_version" ]] ||
        stop 3 "${current#releases/} is installed. install.sh is for a new machine." \
            "Már telepítve van: ${current#releases/}. Az install.sh új gépre való." \
            "To upgrade: hangjegyzet upgrade run BUNDLE" "Frissítés: hangjegyzet upgrade run TELEPÍTŐCSOMAG"
fi

# Whoever has a configuration already has decided; the preflight of the playbook goes by it.
if [[ $mode == install && ! -f $CONFIGURATION && ${#first_settings[@]} -eq 0 ]] && ! mountpoint --quiet "$BACKUPS"; then
    stop 5 "$BACKUPS has no disk of its own: a disk that dies would take the backups along." \
        "A(z) $BACKUPS helyén nincs külön lemez: egy elromló lemez a mentéseket is magával vinné." \
        "Mount another disk or a share there. For a trial on one disk: $0 --same-disk" \
        "Csatoljon oda másik lemezt vagy megosztást. Próbához, egyetlen lemezen: $0 --same-disk"
fi

build_unless_in_place() {
    if is_in_place; then
        say "release $version is in place" "a(z) $version kiadás a helyén van"
    else
        logged "building the release" "a kiadás összeállítása" build_release
        put_in_place
    fi
}

# --- Parts of an upgrade, which sees to the rest itself ------------------------------------------------------------------

if [[ $mode == build-only || $mode == packages* ]]; then
    [[ $SOURCE == "$HOME_DIR"/* ]] || stop 2 "--$mode works on a copy inside $HOME_DIR." \
        "A --$mode a(z) $HOME_DIR alatti másolattal működik."
    readonly bundle=$SOURCE
    verify "$bundle"
    require_verified "$bundle"
    mkdir -m 0700 "$partial"
    case $mode in
        build-only) build_unless_in_place ;;
        packages) logged "installing packages of the distribution" "a disztribúció csomagjainak telepítése" install_debs ;;
        packages-simulate) install_wanted --simulate ;;
    esac
    exit 0
fi

readonly bundle=$partial/bundle
copy_and_verify
require_verified "$bundle"
note_before
logged "installing packages of the distribution" "a disztribúció csomagjainak telepítése" install_debs
build_unless_in_place
keep_trust
point_to
clean_up

if [[ $mode == stage ]]; then
    say "staged: $HOME_DIR/current" "előkészítve: $HOME_DIR/current"
    exit 0
fi

say "setting the machine up" "a gép beállítása"
launch apply --first "${first_settings[@]}" 9>&- || stop 1 "The machine could not be set up; what failed is named above." \
    "A gép beállítása nem sikerült; a hiba fent olvasható." \
    "Mend it, then run install.sh again: it goes on where it stopped." \
    "Javítsa ki, majd futtassa újra az install.sh-t: onnan folytatja, ahol megállt."

# --- Models that lie beside the bundle ----------------------------------------------------------------------------------

imported=0
for pack in "$SOURCE"/../hangjegyzet-models-*.tar "$SOURCE"/../hangjegyzet-models-*.tar.001; do
    [[ -f $pack ]] || continue
    say "importing ${pack##*/}" "${pack##*/} behozatala"
    if /usr/local/bin/hangjegyzet models import "$pack" >>"$LOG" 9>&-; then
        imported=$((imported + 1))
    else
        warn "${pack##*/} was not imported; try again later: hangjegyzet models import FILE" \
            "${pack##*/} behozatala nem sikerült; később újra: hangjegyzet models import FÁJL"
    fi
done
# Workers take models up when they start.
if ((imported)); then systemctl try-restart 'hangjegyzet-worker@*.service'; fi

# --- What a technician needs now ----------------------------------------------------------------------------------------

address=$(hostname -f 2>/dev/null || hostname)
port=$(launch config get web.port 2>/dev/null || true)
[[ $port =~ ^[0-9]+$ ]] || port=8443
if ((port == 443)); then port=; else port=:$port; fi
code=$(/usr/local/bin/hangjegyzet user first-code --json 2>>"$LOG" | sed -n 's/^ *"code": "\([^"]*\)".*$/\1/p' || true)
printf '\n%s\n\n' "$(t "HangJegyzet $version is running." "A HangJegyzet $version fut.")"
printf '    %-28s https://%s%s\n' "$(t Address Cím)" "$address" "$port"
# Where nobody has told the name to the network yet.
for number in $(ip -4 -brief address show scope global 2>/dev/null | awk '{sub("/.*", "", $3); print $3}'); do
    printf '    %-28s https://%s%s\n' "" "$number" "$port"
done
if [[ -r $CERTIFICATE ]]; then
    printf '    %-28s %s\n' "$(t "Certificate (SHA-256)" "Tanúsítvány (SHA-256)")" \
        "$(openssl x509 -in "$CERTIFICATE" -noout -fingerprint -sha256 | cut -d= -f2)"
fi
if [[ -n $code ]]; then
    printf '    %-28s %s\n' "$(t "One-time code" "Egyszeri kód")" "$code"
    printf '\n%s\n' "$(t "Open the address, compare the fingerprint, and become the first administrator with the code." \
        "Nyissa meg a címet, vesse össze az ujjlenyomatot, és a kóddal legyen Ön az első rendszergazda.")"
fi
