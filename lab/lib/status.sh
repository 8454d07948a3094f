# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later

json_string() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

host_state() { # HOST
    if ! host_init "$1" >/dev/null; then
        echo dead
    elif [ -e "$(host_dir "$1")/frozen" ]; then
        echo frozen
    else
        echo running
    fi
}

# A daemon of a host that wrote its process number into a file there.
daemon_runs() { # HOST FILE PROGRAM
    local init inner
    init=$(host_init "$1") || return 1
    inner=$(cat "/proc/$init/root$2" 2>/dev/null) || return 1
    [ "$(cat "/proc/$init/root/proc/${inner:-none}/comm" 2>/dev/null)" = "$3" ]
}

# hikaed, started by the lab or by the host's systemd.
hikaed_runs() { # HOST
    daemon_runs "$1" /run/hikaed.pid hikaed && return
    [ -d "/proc/$(host_init "$1")/root/run/systemd/system" ] && enter_host "$1" systemctl --quiet is-active hikaed </dev/null
}

lab_status() { # [--json]
    local json=no name state separator='' lab_state=down
    [ "${1:-}" = --json ] && json=yes
    lab_init >/dev/null && lab_state=up
    if [ $json = yes ]; then
        printf '{"lab":%s,"state":"%s","shared":%s,"hosts":[' "$(json_string "$LAB_NAME")" $lab_state "$(json_string "$LAB_SHARED")"
    else
        printf 'lab %s: %s\n' "$LAB_NAME" $lab_state
    fi
    for name in $(host_names); do
        local lan=- repl=- libvirtd=false hikaed=false number
        state=$(host_state "$name")
        number=$(host_number "$name")
        if [ "$state" != dead ]; then
            lan=$(link_state lan "$name")
            repl=$(link_state repl "$name")
            if daemon_runs "$name" /run/libvirtd.pid libvirtd; then libvirtd=true; fi
            if hikaed_runs "$name"; then hikaed=true; fi
        fi
        if [ $json = yes ]; then
            printf '%s{"name":"%s","state":"%s","pid":%s,"lan":"%s","repl":"%s","lanAddress":"%s","replAddress":"%s","libvirtd":%s,"hikaed":%s}' \
                "$separator" "$name" "$state" "$(host_init "$name" || echo null)" "$lan" "$repl" \
                "$LAN_PREFIX.$number" "$REPL_PREFIX.$number" $libvirtd $hikaed
            separator=,
        else
            printf '%s  %-8s lan %-10s repl %-10s libvirtd %-6s hikaed %s\n' "$name" "$state" "$lan" "$repl" $libvirtd $hikaed
        fi
    done
    if [ $json = yes ]; then printf ']}\n'; fi
    [ $lab_state = up ]
}
