# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The lab's cables and switches. All of them are in the lab's own network namespace, so the outer one stays as it is
# and two labs may use the same names and addresses.

in_net() { # PID COMMAND...
    local pid=$1
    shift
    nsenter --target "$pid" --net -- "$@"
}

quiet_ipv6() { # PID: no duplicate address detection, no router solicitations
    # shellcheck disable=SC2016
    in_net "$1" bash -c 'for f in /proc/sys/net/ipv6/conf/{all,default}/disable_ipv6; do [ ! -e $f ] || echo 1 >$f; done'
}

# A switch that forwards at once: no spanning tree, no listening time, every multicast to every port.
make_switch() { # PID NAME
    in_net "$1" ip link add "$2" type bridge stp_state 0 forward_delay 0 mcast_snooping 0
    in_net "$1" ip link set "$2" up
}

make_lab_network() { # PID of the lab, PID of the client
    local lab=$1 client=$2
    quiet_ipv6 "$lab"
    quiet_ipv6 "$client"
    make_switch "$lab" lan
    make_switch "$lab" repl
    in_net "$lab" ip link add lan-client type veth peer name lan0 netns "$client"
    in_net "$lab" ip link set lan-client master lan up
    in_net "$client" ip link set lo up
    in_net "$client" ip address add "$CLIENT_ADDRESS/24" dev lan0
    in_net "$client" ip link set lan0 up
}

# Plugs a freshly booted host in: the LAN reaches a bridge lan0 that guests join, replication goes straight to repl0.
plug_host() { # NAME PID
    local name=$1 pid=$2 lab number
    lab=$(lab_init)
    number=$(host_number "$name")
    quiet_ipv6 "$pid"
    in_net "$pid" ip link set lo up
    make_switch "$pid" lan0
    # A machine has the same cards after a power cut: with new addresses its peers would look for the old ones until their neighbour entries age,
    # for up to 45 s.
    local card
    card=52:54:00:78:%02x:$(printf %02x "$number")
    # shellcheck disable=SC2059
    {
        in_net "$pid" ip link set lan0 address "$(printf "$card" 0)"
        in_net "$lab" ip link add "lan-$name" type veth peer name uplink address "$(printf "$card" 1)" netns "$pid"
        in_net "$lab" ip link add "repl-$name" type veth peer name repl0 address "$(printf "$card" 2)" netns "$pid"
    }
    in_net "$pid" ip link set uplink master lan0 up
    in_net "$pid" ip address add "$LAN_PREFIX.$number/24" dev lan0
    in_net "$pid" ip address add "$REPL_PREFIX.$number/24" dev repl0
    in_net "$pid" ip link set repl0 up
    local network
    for network in lan repl; do
        in_net "$lab" ip link set "$network-$name" master "$network" up
    done
}

# Takes a host's plug out of the switch. The host still sees a carrier, as behind a switch that died:
# nothing leaves, nothing arrives, and nothing says so.
cut_link() { # lan|repl HOST
    in_net "$(lab_init)" ip link set "$1-$2" nomaster
}

restore_link() { # lan|repl HOST
    in_net "$(lab_init)" ip link set "$1-$2" master "$1"
}

link_state() { # lan|repl HOST
    local ports
    ports=$(in_net "$(lab_init)" ip -o link show master "$1")
    if [[ $ports == *" $1-$2@"* ]]; then echo connected; else echo cut; fi
}

require_network() { [[ ${1:-} =~ ^(lan|repl)$ ]] || usage_error "which network? (lan, repl)"; }

run_client() { # COMMAND...
    # psql and pgbench as the guest's Debian has them, where a guest has PostgreSQL.
    PATH=$(cached debian-postgresql)/client/bin:$PATH in_net "$(remembered_process "$LAB_STATE/client")" "$@"
}
