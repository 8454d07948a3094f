# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is expensive to make is made once, outside the tree, and found again by the hash of its recipe.

# The mirror the machine itself uses, read from apt (both kinds of source files), never from this tree.
machine_mirror() {
    local uri release
    # shellcheck disable=SC2016
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

# With the recipe it adds to: "debian-postgresql" adds to "debian". The fourth argument of a recipe is where that lies, or would lie.
recipe_hash() {
    local parts=("$LAB_HOME/recipes/$1")
    [[ $1 != *-* ]] || parts+=("$LAB_HOME/recipes/${1%%-*}")
    cat "${parts[@]}" | sha256sum | cut -c1-12
}

cached() { printf '%s\n' "$LAB_CACHE/$1-$(recipe_hash "$1")"; } # RECIPE

# Builds what RECIPE makes when it is not there whole. Not to be called in a subshell: it answers to signals.
ensure_cached() { # RECIPE
    local dir builder
    dir=$(cached "$1")
    [ ! -f "$dir/complete" ] || return 0
    build_cached "$1" "$dir" >&2 &
    builder=$!
    # shellcheck disable=SC2064
    trap "kill -TERM $builder 2>/dev/null || true; wait $builder || true; exit 130" INT TERM HUP
    wait $builder || fail "could not build $1"
    trap - INT TERM HUP
}

build_cached() { # RECIPE DIRECTORY; in the background only, it sets traps and exits
    local recipe=$1 dir=$2 lock mirror building builder proxy started
    # Every step checks for itself, and the clean-up goes on after a step that fails.
    set +e
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
    trap 'if [ -n "$builder" ]; then kill -KILL "$builder"; wait "$builder"; fi 2>/dev/null; rm -rf "$building"' EXIT
    trap 'exit 130' INT TERM HUP
    chmod 0755 "$building"
    apt-config dump | grep -E '^Acquire::(http|https|ftp|Check|Retries|Max-ValidTime)' >"$building/apt.conf"
    proxy=$(apt-config dump --format '%v' Acquire::http::Proxy)
    if [ -n "$proxy" ]; then export http_proxy=$proxy; fi
    say "building $recipe in $LAB_CACHE (once)"
    started=$SECONDS
    # In the background, so that a signal is heard at once; killing unshare ends all it started and mounted.
    unshare --mount --pid --fork --kill-child "$LAB_HOME/recipes/$recipe" "$building" "$mirror" "$building/apt.conf" "$(cached "${recipe%%-*}")" </dev/null &
    builder=$!
    wait "$builder" || { builder=; exit 1; }
    builder=
    rm -rf "$dir" && touch "$building/complete" && mv "$building" "$dir" || exit 1
    say "$recipe built in $((SECONDS - started)) s"
}
