# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A lab and its hosts live and die.
#
# The lab is one process in its own mount, network and process-number namespaces; hosts are made below it. So nothing is
# mounted in the outer mount namespace, and when that one process is killed the kernel ends every host, QEMU and
# mount of the lab with it, whatever state a failed command left.

lab_up() { # NUMBER
    local count=${1:-2} base n
    [[ $count =~ ^([1-9]|1[0-9]|2[0-6])$ ]] || usage_error "up: 1 to 26 hosts"
    install_packages ip=iproute2 nsenter=util-linux ps=procps
    ensure_cached base
    [ "${HIKAE_LAB_MANAGED:-0}" != 1 ] || ensure_cached base-managed
    base=$(cached base)
    lock_labs
    if lab_init >/dev/null; then
        say "lab '$LAB_NAME' is up already"
    else
        remove_lab
        # shellcheck disable=SC2154
        trap 'status=$?; trap - EXIT; if [ $status -ne 0 ]; then say "cleaning up"; remove_lab; fi; exit $status' EXIT
        trap 'exit 130' INT TERM HUP
        start_lab "$base"
    fi
    for ((n = 0; n < count; n++)); do
        local name
        # shellcheck disable=SC2059
        name=host$(printf "\\$(printf '%03o' $((65 + n)))")
        [ -d "$(host_dir "$name")" ] || create_host "$name"
        host_init "$name" >/dev/null || start_host "$name"
    done
    for name in $(host_names); do
        wait_for_libvirt "$name"
    done
    keep_capabilities hostA "$base"
    trap - EXIT INT TERM HUP
    say "lab '$LAB_NAME' is up: $(host_names | xargs)"
}

start_lab() { # BASE
    local pid client
    mkdir -p "$LAB_SHARED" "$LAB_STATE/hosts"
    chmod 0755 "$LAB_STATE" "$LAB_SHARED"
    printf '%s\n' "$1" >"$LAB_STATE/base"
    # As overlay's option wants it: the uppermost first.
    printf '%s\n' "$([ "${HIKAE_LAB_MANAGED:-0}" != 1 ] || printf '%s/root:' "$(cached base-managed)")$1/root" >"$LAB_STATE/layers"
    # shellcheck disable=SC2016
    (close_lock; exec setsid unshare --mount --net --ipc --pid --fork --kill-child bash -c '
        mount --make-rprivate /
        while :; do sleep 3600 & wait -n; done' hikae-lab "$LAB_NAME") </dev/null >"$LAB_STATE/lab.log" 2>&1 &
    disown
    remember_process "$LAB_STATE/parent" $!
    pid=$(namespace_init $! $(($(own_levels) + 1))) || fail "the lab's first process did not start: $(cat "$LAB_STATE/lab.log")"
    remember_process "$LAB_STATE/init" "$pid"
    exec_in_lab unshare --net sleep infinity </dev/null >/dev/null 2>&1 &
    disown
    local tries
    for ((tries = 0; tries < 250; tries++)); do
        for client in $(descendants $!); do
            [ "$(readlink "/proc/$client/ns/net")" != "$(readlink "/proc/$pid/ns/net")" ] || continue
            [ "$(readlink "/proc/$client/exe")" = "$(readlink -f "$(command -v sleep)")" ] || continue
            remember_process "$LAB_STATE/client" "$client"
            make_lab_network "$pid" "$client"
            return
        done
        sleep 0.02
    done
    fail "the lab's client namespace did not start"
}

# In the lab's namespaces, with the outer file tree. Ends the shell that calls it: always in a subshell or in the background.
exec_in_lab() {
    local pid
    pid=$(lab_init) || fail "lab '$LAB_NAME' is not up"
    close_lock
    exec setsid nsenter --target "$pid" --mount --net --ipc --pid -- "$@"
}

# A host's disk: made once, kept over kill and boot, in a tmpfs that only the lab's mount namespace sees.
create_host() { # NAME
    local name=$1 dir
    dir=$(host_dir "$name")
    mkdir -p "$dir/disk" "$dir/root" "$dir/guests"
    chmod 0755 "$dir/guests"
    # shellcheck disable=SC2016
    (exec_in_lab bash -ec '
        name=$1 dir=$2 machine=$3 repl=$4 known=$5
        mount -t tmpfs -o mode=0755 tmpfs "$dir/disk"
        upper=$dir/disk/upper
        mkdir -p "$dir/disk/work" "$upper/etc/libvirt" "$upper/var/log/hikae"
        chmod 0755 "$upper" "$upper/etc/libvirt"
        if [ -d "$known" ]; then
            mkdir -p "$upper/var/cache/libvirt/qemu"
            chmod 0711 "$upper/var/cache/libvirt" "$upper/var/cache/libvirt/qemu"
            cp -rp "$known" "$upper/var/cache/libvirt/qemu/capabilities"
        fi
        echo "$machine" >"$upper/etc/machine-id"
        echo "$name" >"$upper/etc/hostname"
        { echo "127.0.0.1 localhost"
          for n in {A..Z}; do echo "$repl.$(($(printf %d "\"$n") - 65 + 11)) host$n"; done; } >"$upper/etc/hosts"
        { cat "$(cat "${dir%/hosts/*}/base")/root/etc/libvirt/libvirtd.conf"
          echo "host_uuid = \"$(cat /proc/sys/kernel/random/uuid)\""
          echo "listen_tls = 0"
          echo "listen_tcp = 1"
          echo "auth_tcp = \"none\""; } >"$upper/etc/libvirt/libvirtd.conf"
        { echo "security_driver = \"none\""
          echo "namespaces = []"
          echo "cgroup_controllers = []"; } >"$upper/etc/libvirt/qemu.conf"
        chmod 0600 "$upper/etc/libvirt/qemu.conf"
    ' create-host "$name" "$dir" "$(tr -d - </proc/sys/kernel/random/uuid)" "$REPL_PREFIX" "$(capabilities "$(<"$LAB_STATE/base")")")
}

capabilities() { printf '%s\n' "$1/capabilities-$(uname -r)"; } # BASE

# libvirt asks a QEMU it does not know what it can do, for a second and a half, and keeps the answers in a file. Later hosts find that file, as a host
# finds it that was started before; whether it still holds libvirt sees by itself.
keep_capabilities() { # HOST BASE
    local new
    [ ! -d "$(capabilities "$2")" ] || return 0
    enter_host "$1" virsh -q domcapabilities --virttype qemu </dev/null >/dev/null || return 0
    new=$(mktemp -d "$2/new.XXXXXX")
    enter_host "$1" tar -C /var/cache/libvirt/qemu/capabilities -c . </dev/null | tar -C "$new" -xp
    # Somebody else may have been as fast.
    mv -T "$new" "$(capabilities "$2")" 2>/dev/null || rm -rf "$new"
}

# Of a host with systemd: its units have the same names as other hosts' units, and would be in the same groups as they.
host_cgroup() { printf '%s/hikae-lab-%s-%s\n' "$(findmnt -n -t cgroup2 -o TARGET | head -n 1)" "$LAB_NAME" "$1"; } # HOST

remove_cgroup() { # HOST
    local cgroup tries
    cgroup=$(host_cgroup "$1")
    # The kernel takes a moment to bury the last process.
    for ((tries = 0; tries < 50; tries++)); do
        [ -d "$cgroup" ] || return 0
        find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
}

start_host() { # NAME
    local name=$1 dir layers pid userfaultfd=yes init=plain cgroup="" more=()
    dir=$(host_dir "$name")
    layers=$(<"$LAB_STATE/layers")
    [ "${HIKAE_LAB_NO_USERFAULTFD:-0}" = 1 ] && userfaultfd=no
    if [ "${HIKAE_LAB_SYSTEMD:-0}" = 1 ]; then
        init=systemd cgroup=$(host_cgroup "$name") more=(--cgroup)
        mkdir -p "$cgroup"
    fi
    { [ -z "$cgroup" ] || echo 0 >"$cgroup/cgroup.procs"; } && exec_in_lab unshare --mount --uts --ipc --net --pid "${more[@]}" --fork --kill-child \
        "$LAB_HOME/host-init" "$name" "$dir" "$layers" "$LAB_SHARED" "$userfaultfd" "$init" </dev/null >"$dir/console.log" 2>&1 &
    disown
    pid=$(namespace_init $! $(($(own_levels) + 2))) || fail "$name did not start: $(cat "$dir/console.log")"
    remember_process "$dir/init" "$pid"
    rm -f "$dir/frozen"
    plug_host "$name" "$pid"
}

has_systemd() { enter_host "$1" test -d /run/systemd/system; } # HOST

enter_host() { # HOST COMMAND...
    local pid
    pid=$(running_host "$1") || exit
    shift
    [ $# -gt 0 ] || set -- /bin/bash
    (
        close_lock
        exec nsenter --target "$pid" --mount --uts --ipc --net --pid --root --wd -- \
            /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
            ${TERM:+"TERM=$TERM"} "$@"
    )
}

wait_for_libvirt() { # HOST
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        if (enter_host "$1" virsh -q list) </dev/null >/dev/null 2>&1; then return; fi
        host_init "$1" >/dev/null || break
        sleep 0.1
    done
    fail "$1: libvirtd does not answer: $(cat "$(host_dir "$1")/console.log")"
}

# A power cut. The links go first: a socket closed by a dying process would say goodbye to its peer, and a machine
# without power says nothing.
kill_host() { # HOST
    local name=$1 pid network lab
    require_host "$name"
    lock_lab
    pid=$(host_init "$name") || fail "$name is not running"
    lab=$(lab_init)
    for network in lan repl; do
        in_net "$lab" ip link set "$network-$name" nomaster down
    done
    # For whoever measures from here: seconds since 1970.
    printf '%s\n' "$EPOCHREALTIME"
    kill -KILL "$pid"
    wait_gone "$pid" 20 || fail "$name: process $pid does not end"
    remove_cgroup "$name"
    rm -f "$(host_dir "$name")/init" "$(host_dir "$name")/frozen"
    # The cables go with the host's network namespace, a moment after its last process; a next boot plugs in new ones.
    for network in lan repl; do
        in_net "$lab" ip link delete "$network-$name" 2>/dev/null || true
    done
}

boot_host() { # HOST
    require_host "$1"
    lock_labs
    if host_init "$1" >/dev/null; then fail "$1 is running"; fi
    start_host "$1"
    wait_for_libvirt "$1"
    if enter_host "$1" test -x /usr/sbin/hikaed && enter_host "$1" test -f /etc/hikae/hikae.conf; then start_daemon "$1"; fi
}

# SIGSTOP for everybody in the host. Repeats until a pass finds nobody new: a fork may have run ahead.
signal_host() { # SIGNAL HOST
    local pid before=-1 now=0 members
    pid=$(running_host "$2") || exit
    while [ "$now" != "$before" ]; do
        before=$now
        members=$(namespace_members "$pid")
        now=$(wc -w <<<"$members")
        # shellcheck disable=SC2086
        kill "-$1" $members 2>/dev/null || true
    done
}

freeze_host() {
    signal_host STOP "$1"
    touch "$(host_dir "$1")/frozen"
}

thaw_host() {
    signal_host CONT "$1"
    rm -f "$(host_dir "$1")/frozen"
}

lab_down() {
    if [ -d "$LAB_STATE" ]; then
        lock_labs
        remove_lab
        say "lab '$LAB_NAME' is down"
    else
        say "lab '$LAB_NAME' is not up"
    fi
}

remove_lab() {
    local pid name hosts=()
    for name in $(host_names); do
        if pid=$(host_init "$name"); then hosts+=("$pid"); fi
    done
    for name in init parent; do
        if pid=$(remembered_process "$LAB_STATE/$name"); then
            kill -KILL "$pid" 2>/dev/null || true
            wait_gone "$pid" 20 || fail "process $pid does not end"
        fi
    done
    for pid in "${hosts[@]}"; do wait_gone "$pid" 20 || fail "host process $pid does not end"; done
    for name in $(host_names); do remove_cgroup "$name"; done
    rm -rf "$LAB_STATE"
    rmdir "$LAB_BASE" 2>/dev/null || true
}
