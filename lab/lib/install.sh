# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a package and an administrator do on a real host: programs, certificates, configuration, hook, daemon.

declare -A INSTALL_PATHS=(
    [hikaed]=/usr/sbin/hikaed
    [hikae-sidecar]=/usr/libexec/hikae/hikae-sidecar
    [hikae-hook]=/usr/libexec/hikae/hikae-hook
    [hikae]=/usr/bin/hikae
)

install_programs() { # [--set SECTION.KEY=VALUE]... [HOST...]
    local hosts=() host
    local -A settings=([arbiter.directory]=/srv/shared/hikae)
    while [ $# -gt 0 ]; do
        case $1 in
            --set)
                [[ ${2:-} =~ ^([a-z_]+\.[a-z_]+)=(.*)$ ]] || usage_error "install: --set SECTION.KEY=VALUE"
                settings[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
                shift 2
                ;;
            -*) usage_error "install: unknown option $1" ;;
            *)
                require_host "$1"
                hosts+=("$1")
                shift
                ;;
        esac
    done
    require_lab
    [ ${#hosts[@]} -gt 0 ] || for host in $(host_names); do
        if host_init "$host" >/dev/null; then hosts+=("$host"); fi
    done
    install_packages openssl=openssl
    make_authority
    mkdir -p "$LAB_SHARED/hikae"
    chmod 0700 "$LAB_SHARED/hikae"
    for host in "${hosts[@]}"; do
        install_on_host "$host"
        start_daemon "$host"
    done
}

install_on_host() { # HOST   (uses: settings)
    local host=$1 root file
    root=/proc/$(running_host "$host")/root || exit
    if has_systemd "$host"; then install_package "$host" "$root"; else install_files "$host" "$root"; fi
    install_certificates "$host" "$root"
    mkdir -p "$root/etc/hikae" "$root/var/log/hikae" "$root/etc/libvirt/hooks/qemu.d"
    settings[host.name]=$host
    # An empty value unsets what the lab sets by itself.
    for file in "${!settings[@]}"; do
        [ -n "${settings[$file]}" ] || continue
        printf '%s %s %s\n' "${file%%.*}" "${file#*.}" "${settings[$file]}"
    done | sort | awk '
        $1 != section { section = $1; print "[" section "]" }
        { key = $2; sub(/^[^ ]+ [^ ]+ /, ""); print key " = " $0 }' >"$root/etc/hikae/hikae.conf"
    if [ ! -L "$root/etc/libvirt/hooks/qemu.d/hikae" ] && [ -x "$root/usr/libexec/hikae/hikae-hook" ]; then
        ln -s /usr/libexec/hikae/hikae-hook "$root/etc/libvirt/hooks/qemu.d/hikae"
        # libvirtd looks for hooks when it starts and on this signal only.
        # shellcheck disable=SC2016
        enter_host "$host" sh -c 'kill -HUP "$(cat /run/libvirtd.pid)"'
    fi
    say "$host: installed"
}

# A host with systemd gets the package that is shipped.
install_package() { # HOST ROOT
    local package='' file
    for file in "${HIKAE_LAB_PACKAGES:-$REPO/artifacts/packages}"/hikae_*.deb; do
        if [ -f "$file" ] && { [ -z "$package" ] || [ "$file" -nt "$package" ]; }; then package=$file; fi
    done
    [ -n "$package" ] || fail "no package of hikae: packaging/build"
    put_file 0644 "$package" "$2/root/hikae.deb"
    enter_host "$1" dpkg --force-confold -i /root/hikae.deb >/dev/null </dev/null
}

install_files() { # HOST ROOT
    local host=$1 root=$2 program path file
    for program in "${!INSTALL_PATHS[@]}"; do
        [ -x "$REPO/artifacts/bin/$program" ] || { say "$host: artifacts/bin/$program is not built, left out"; continue; }
        path=$root${INSTALL_PATHS[$program]}
        put_file 0755 "$REPO/artifacts/bin/$program" "$path"
        # Native libraries of its packages lie beside the program that loads them.
        for file in "$REPO/artifacts/publish/$program"/*.so; do
            [ ! -f "$file" ] || put_file 0644 "$file" "${path%/*}/${file##*/}"
        done
    done
}

# A running program cannot be written to, but it can be replaced.
put_file() { # MODE FROM TO
    mkdir -p "${3%/*}"
    install -m "$1" "$2" "$3.new"
    mv "$3.new" "$3"
}

make_authority() {
    local pki=$LAB_STATE/pki
    [ -f "$pki/cacert.pem" ] && return
    mkdir -p "$pki"
    chmod 0700 "$pki"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=Hikae lab $LAB_NAME" \
        -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' \
        -keyout "$pki/cakey.pem" -out "$pki/cacert.new" 2>/dev/null
    mv "$pki/cacert.new" "$pki/cacert.pem"
}

make_certificate() { # HOST server|client EXTENDED-USAGE
    local pki=$LAB_STATE/pki host=$1 kind=$2 out=$LAB_STATE/pki/$1-$2
    [ -f "$out.pem" ] && return
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$host" \
        -keyout "$out.key" -out "$out.csr" 2>/dev/null
    openssl x509 -req -in "$out.csr" -CA "$pki/cacert.pem" -CAkey "$pki/cakey.pem" -CAcreateserial -days 3650 -out "$out.new" \
        -extfile <(printf '%s\n' "subjectAltName=DNS:$host,IP:$REPL_PREFIX.$(host_number "$host")" \
            'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' "extendedKeyUsage=$3") 2>/dev/null
    rm "$out.csr"
    mv "$out.new" "$out.pem"
}

# libvirt's own places, so that virsh -c qemu+tls works with them as well.
install_certificates() { # HOST ROOT
    local kind usage
    put_file 0644 "$LAB_STATE/pki/cacert.pem" "$2/etc/pki/CA/cacert.pem"
    for kind in server client; do
        usage=${kind}Auth
        make_certificate "$1" $kind "$usage"
        put_file 0644 "$LAB_STATE/pki/$1-$kind.pem" "$2/etc/pki/libvirt/${kind}cert.pem"
        put_file 0600 "$LAB_STATE/pki/$1-$kind.key" "$2/etc/pki/libvirt/private/${kind}key.pem"
    done
}

# (Re)starts the daemon as a service manager would, which a lab host does not have.
start_daemon() { # HOST
    enter_host "$1" test -x /usr/sbin/hikaed || return 0
    if has_systemd "$1"; then
        enter_host "$1" systemctl restart hikaed </dev/null && say "$1: hikaed runs"
        return
    fi
    # shellcheck disable=SC2016
    enter_host "$1" bash -c '
        running() { [ -n "$old" ] && [ "$(cat "/proc/$old/comm" 2>/dev/null)" = hikaed ]; }
        old=$(cat /run/hikaed.pid 2>/dev/null)
        if running; then
            kill "$old"
            for ((i = 0; i < 100; i++)); do running || break; sleep 0.1; done
            if running; then kill -KILL "$old"; fi
        fi
        mkdir -p /var/log/hikae
        setsid sh -c "echo \$\$ >/run/hikaed.pid; exec /usr/sbin/hikaed" </dev/null >>/var/log/hikae/hikaed.log 2>&1 &
        sleep 0.3
        old=$(cat /run/hikaed.pid)
        running || { echo "hikaed ended at once:"; tail -n 5 /var/log/hikae/hikaed.log; exit 1; } >&2
    ' </dev/null && say "$1: hikaed runs"
}
