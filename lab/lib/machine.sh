# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tree needs of a Debian machine, beside the .NET SDK. ./test and demo/run source this; the lab then asks for nothing more.

HIKAE_PACKAGES=(
    gcc libc6-dev zlib1g-dev                            # native programs
    libvirt0 libvirt-dev qemu-system-x86 qemu-utils     # tests against real peers
    libnbd-bin python3-libnbd nbdkit fio                 # real NBD clients for the disk server, and its measure
    debootstrap xz-utils zstd cpio busybox-static       # the lab's root file systems and guests
    e2fsprogs iproute2 openssl procps python3-minimal   # the lab and its demonstration
    groff-base libxml2-utils                            # the man pages and the annotation's schema
)

machine_fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Installs what is missing, from the machine's own package sources.
install_hikae_packages() {
    local package missing=()
    for package in "${HIKAE_PACKAGES[@]}"; do
        # shellcheck disable=SC2016
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || machine_fail "run this as root once, or install: ${missing[*]}"
    printf '%s: installing %s\n' "${0##*/}" "${missing[*]}" >&2
    apt-get update -qq </dev/null || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# Under sudo the PATH is not the user's: the SDK is also looked for where installers put it.
find_dotnet() {
    local folder home=''
    export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
    # Build servers would outlive the command and keep its memory and its output.
    export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0
    ! command -v dotnet >/dev/null || return 0
    [ -z "${SUDO_USER:-}" ] || home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
    for folder in "${DOTNET_ROOT:-}" /usr/share/dotnet /usr/lib/dotnet /usr/local/share/dotnet /opt/dotnet ${home:+"$home/.dotnet"} "${HOME:-/root}/.dotnet"; do
        if [ -x "$folder/dotnet" ]; then
            export PATH=$PATH:$folder DOTNET_ROOT=$folder
            return 0
        fi
    done
    machine_fail "no dotnet found: install the .NET SDK that global.json names"
}
