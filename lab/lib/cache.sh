# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is expensive to make is made once, outside the tree, and found again by the hash of its recipe.

# The mirror the machine itself uses, read from apt (both kinds of source files), never from this tree.
machine_mirror() {
    local uri release
    while read -r uri release; do
        case $release in *security*) continue ;; esac
        case $uri in
            *security*) continue ;;
            http://*/debian/ | https://*/debian/ | http://*/debian | https://*/debian | file:*) ;;
            *) continue ;;
        esac
        printf '%s\n' "$uri"
        return
    done < <(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages')
    fail "apt has no source that looks like a Debian mirror"
}

recipe_hash() { sha256sum "$LAB_HOME/recipes/$1" | cut -c1-12; }

# cached RECIPE: prints the directory, building it first when it is not there whole.
cached() {
    local recipe=$1 dir
    dir=$LAB_CACHE/$recipe-$(recipe_hash "$recipe")
    if [ ! -f "$dir/complete" ]; then
        build_cached "$recipe" "$dir" >&2 || fail "could not build $recipe"
    fi
    printf '%s\n' "$dir"
}

# Every step checks for itself: "set -e" does nothing in what a caller tests with || or if.
build_cached() (
    recipe=$1 dir=$2
    mkdir -p "$LAB_CACHE" || exit 1
    exec {lock}<"$LAB_CACHE"
    flock "$lock"
    if [ -f "$dir/complete" ]; then exit 0; fi
    # Only a holder of the lock builds, so what an interrupted build left can go.
    rm -rf "$LAB_CACHE"/build.*
    install_packages debootstrap=debootstrap xz=xz-utils zstd=zstd mkfs.ext4=e2fsprogs || exit 1
    mirror=$(machine_mirror) || exit 1
    building=$(mktemp -d "$LAB_CACHE/build.XXXXXX") || exit 1
    builder=
    trap 'if [ -n "$builder" ]; then kill -KILL "$builder" && wait "$builder"; fi 2>/dev/null; rm -rf "$building"' EXIT
    trap 'exit 130' INT TERM HUP
    chmod 0755 "$building"
    apt-config dump | grep -E '^Acquire::(http|https|ftp|Check|Retries|Max-ValidTime)' >"$building/apt.conf"
    proxy=$(apt-config dump --format '%v' Acquire::http::Proxy)
    if [ -n "$proxy" ]; then export http_proxy=$proxy; fi
    say "building $recipe in $LAB_CACHE (once)"
    started=$SECONDS
    # In the background, so that a signal is heard at once; killing unshare ends all it started and mounted.
    unshare --mount --pid --fork --kill-child "$LAB_HOME/recipes/$recipe" "$building" "$mirror" "$building/apt.conf" </dev/null &
    builder=$!
    wait "$builder" || { builder=; exit 1; }
    builder=
    rm -rf "$dir" && touch "$building/complete" && mv "$building" "$dir" || exit 1
    say "$recipe built in $((SECONDS - started)) s"
)
