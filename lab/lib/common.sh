# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2034,SC2153
# Names, places and the few habits every command of the lab shares.

LAB_NAME=${HIKAE_LAB:-default}
LAB_BASE=/run/hikae-lab
LAB_STATE=$LAB_BASE/$LAB_NAME
LAB_CACHE=/var/cache/hikae-lab
LAB_SHARED=$LAB_STATE/shared
REPO=$(dirname "$LAB_HOME")

LAN_PREFIX=10.77.1
REPL_PREFIX=10.77.2
CLIENT_ADDRESS=$LAN_PREFIX.1

say() { printf 'lab: %s\n' "$*" >&2; }

fail() {
    printf 'lab: %s\n' "$*" >&2
    exit 1
}

usage_error() {
    printf 'lab: %s\n' "$*" >&2
    exit 2
}

require_root() { [ "$(id -u)" = 0 ] || fail "must run as root: it makes namespaces and mounts"; }

check_lab_name() {
    [[ $LAB_NAME =~ ^[A-Za-z0-9_-]{1,32}$ ]] || usage_error "HIKAE_LAB='$LAB_NAME': letters, digits, - and _ only, at most 32"
}

# install_packages COMMAND=PACKAGE...: gets from apt what the machine lacks.
install_packages() {
    local pair missing=()
    for pair in "$@"; do
        case ${pair%%=*} in
            /*) [ -e "${pair%%=*}" ] || missing+=("${pair#*=}") ;;
            *) command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}") ;;
        esac
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "installing ${missing[*]}"
    if ! DEBIAN_FRONTEND=noninteractive apt-get install -o DPkg::Lock::Timeout=600 -y -q --no-install-recommends "${missing[@]}" >&2 </dev/null; then
        apt-get update -q >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -o DPkg::Lock::Timeout=600 -y -q --no-install-recommends "${missing[@]}" >&2 </dev/null
    fi
}

# A process is remembered as "PID START": process numbers come round again, start times do not.
process_start() {
    local line
    # It may have ended by now. Not $(<FILE): without that file bash 5.2 ends the whole script then, whatever stands behind "||".
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    line=${line##*) }
    # Field 22 of the whole line is field 20 after the name.
    # shellcheck disable=SC2086
    set -- $line
    [ "$1" != Z ] || return 1
    printf '%s\n' "${20}"
}

remember_process() { # FILE PID
    local start
    start=$(process_start "$2") || return 1
    printf '%s %s\n' "$2" "$start" >"$1"
}

# Prints the process number when the remembered process still lives.
remembered_process() { # FILE
    local pid start
    [ -f "$1" ] || return 1
    read -r pid start <"$1" || return 1
    [ "$(process_start "$pid")" = "$start" ] || return 1
    printf '%s\n' "$pid"
}

wait_gone() { # PID SECONDS
    local tries=$(($2 * 50))
    while [ -e "/proc/$1/ns" ] && process_start "$1" >/dev/null; do
        ((tries-- > 0)) || return 1
        sleep 0.02
    done
}

# Finds the first process of a new process-number namespace below PID, as seen from here.
namespace_init() { # PID
    local pid=$1 child tries
    for ((tries = 0; tries < 250; tries++)); do
        for child in $(descendants "$pid"); do
            # NSpid lists the number in each nested namespace, innermost last.
            if awk -v levels="$2" '$1 == "NSpid:" { exit !(NF - 1 == levels && $NF == 1) }' "/proc/$child/status" 2>/dev/null; then
                printf '%s\n' "$child"
                return
            fi
        done
        [ -e "/proc/$pid" ] || return 1
        sleep 0.02
    done
    return 1
}

descendants() { # PID
    local child
    for child in $(ps -o pid= --ppid "$1"); do
        printf '%s\n' "$child"
        descendants "$child"
    done
}

own_levels() { awk '$1 == "NSpid:" { print NF - 1 }' /proc/self/status; }

# Everybody in the same process-number namespace as PID.
namespace_members() { # PID
    local want
    want=$(readlink "/proc/$1/ns/pid") || return 0
    want=${want#pid:[}
    ps -e -o pid=,pidns= | awk -v want="${want%]}" '$2 == want { print $1 }'
}

# One command at a time makes or ends labs and hosts. The directory may be removed and made anew while we wait.
lock_labs() {
    while :; do
        mkdir -p "$LAB_BASE"
        exec {LAB_LOCK}<"$LAB_BASE" || continue
        flock -w 120 "$LAB_LOCK" || fail "another lab command holds $LAB_BASE"
        [ "$LAB_BASE" -ef "/proc/self/fd/$LAB_LOCK" ] && return
        exec {LAB_LOCK}<&-
    done
}

# A power cut must not wait for another lab that comes up.
lock_lab() {
    exec {LAB_LOCK}<"$LAB_STATE"
    flock -w 120 "$LAB_LOCK" || fail "another lab command holds $LAB_STATE"
}

# For whatever outlives the command: a descriptor it inherits would keep the lock.
close_lock() { [ -z "${LAB_LOCK:-}" ] || exec {LAB_LOCK}<&-; }

lab_init() { remembered_process "$LAB_STATE/init"; }

require_lab() { lab_init >/dev/null || fail "lab '$LAB_NAME' is not up (lab/lab up)"; }

host_dir() { printf '%s/hosts/%s\n' "$LAB_STATE" "$1"; }

require_host() {
    [[ ${1:-} =~ ^host[A-Z]$ ]] || usage_error "which host? (hostA, hostB, ...)"
    [ -d "$(host_dir "$1")" ] || fail "lab '$LAB_NAME' has no $1"
}

host_init() { remembered_process "$(host_dir "$1")/init"; }

running_host() {
    require_host "$1"
    host_init "$1" || fail "$1 is not running (lab/lab boot $1)"
}

host_names() {
    local path
    for path in "$LAB_STATE"/hosts/host[A-Z]; do
        [ -d "$path" ] && printf '%s\n' "${path##*/}"
    done
    return 0
}

# hostA is 11, hostB is 12, ... in both networks.
host_number() { printf '%d\n' $(($(printf '%d' "'${1#host}") - 65 + 11)); }
