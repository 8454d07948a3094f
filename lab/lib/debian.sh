# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Disks of Debian guests: the root that a recipe made, with the hikae-guest package that is shipped.

# A copy of the cached disk; it stays the guest's own as long as the lab lives.
make_debian_disk() { # FILE RECIPE
    local dir package disk lock
    [ ! -f "$1" ] || return 0
    ensure_cached "$2"
    dir=$(cached "$2")
    package=$(find_package hikae-guest) || exit
    disk=$dir/disk-bare.raw
    [ -z "$package" ] || disk=$dir/disk-$(sha256sum "$package" | cut -c1-12).raw
    exec {lock}<"$dir"
    flock "$lock"
    [ -f "$disk" ] || fill_debian_disk "$dir" "$package" "$disk"
    # Those of programs that nobody runs any more.
    touch "$disk"
    find "$dir" -maxdepth 1 -name 'disk-*.raw' -mmin +1440 -delete
    cp --sparse=always "$disk" "$1.new"
    exec {lock}<&-
    mv "$1.new" "$1"
}

# Once for each package, in seconds. dpkg sees a root without systemd running, as an installer's.
fill_debian_disk() { # DIRECTORY PACKAGE|"" DISK
    install_packages mkfs.ext4=e2fsprogs >&2
    # shellcheck disable=SC2016
    unshare --mount --pid --fork --kill-child bash -ec '
        dir=$1 package=$2 disk=$3
        mount --make-rprivate /
        mkdir -p "$dir/work"
        # Not every file system can be an upper layer; a tmpfs can.
        mount -t tmpfs -o mode=0755 tmpfs "$dir/work"
        mkdir "$dir/work"/{upper,work,root}
        chmod 0755 "$dir/work/upper"
        root=$dir/work/root
        mount -t overlay -o "lowerdir=$dir/root,upperdir=$dir/work/upper,workdir=$dir/work/work" overlay "$root"
        if [ -n "$package" ]; then
            mount --rbind /dev "$root/dev"
            mount -t proc proc "$root/proc"
            cp "$package" "$root/hikae-guest.deb"
            LC_ALL=C.UTF-8 chroot "$root" dpkg --force-unsafe-io -i /hikae-guest.deb
            rm "$root/hikae-guest.deb"
            umount -l "$root/dev" "$root/proc"
        fi
        truncate -s 4G "$disk.new"
        mkfs.ext4 -q -F -L debian -d "$root" "$disk.new"
        mv "$disk.new" "$disk"
    ' fill-disk "$1" "$2" "$3" >&2 </dev/null || fail "could not make a disk of $1/root"
}
