# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a package and an administrator do on a real host: programs, certificates, configuration, hook, daemon.

install_programs() { # [--set SECTION.KEY=VALUE]... [HOST...]
    local hosts=() host package
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
    package=$(find_package hikae) || exit
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

install_on_host() { # HOST   (uses: settings, package)
    local host=$1 root file
    root=/proc/$(running_host "$host")/root || exit
    if [ -n "$package" ]; then install_package "$host" "$root"; else install_files "$host" "$root"; fi
    install_certificates "$host" "$root"
    mkdir -p "$root/etc/hikae" "$root/var/log/hikae"
    settings[host.name]=$host
    # An empty value unsets what the lab sets by itself.
    for file in "${!settings[@]}"; do
        [ -n "${settings[$file]}" ] || continue
        printf '%s %s %s\n' "${file%%.*}" "${file#*.}" "${settings[$file]}"
    done | sort | awk '
        $1 != section { section = $1; print "[" section "]" }
        { key = $2; sub(/^[^ ]+ [^ ]+ /, ""); print key " = " $0 }' >"$root/etc/hikae/hikae.conf"
    say "$host: installed"
}

# Prints the path of the .deb that is shipped, of the programs that are in artifacts/bin; nothing where those are never shipped.
find_package() { # NAME
    local file package='' folder=${HIKAE_LAB_PACKAGES:-}
    if [ -z "$folder" ]; then
        [ "${HIKAE_PUBLISH:-native}" = native ] || return 0
        folder=$REPO/artifacts/packages-fast
        "$REPO/packaging/build" --fast --if-stale deb >&2 || exit
    fi
    for file in "$folder/$1"_*.deb; do
        if [ -f "$file" ] && { [ -z "$package" ] || [ "$file" -nt "$package" ]; }; then package=$file; fi
    done
    [ -n "$package" ] || fail "no package of $1 in $folder: packaging/build"
    printf '%s\n' "$package"
}

install_package() { # HOST ROOT   (uses: package)
    put_file 0644 "$package" "$2/run/hikae.deb"
    # A host's disk is memory: nothing is gained by waiting until files are on it.
    enter_host "$1" dpkg --force-confold --force-unsafe-io -i /run/hikae.deb >/dev/null </dev/null
    rm "$2/run/hikae.deb"
}

# With HIKAE_PUBLISH=jit: the programs where the package has them, and the hook.
install_files() { # HOST ROOT
    local mode target source
    while read -r mode target source; do
        case $mode/$source in
            */artifacts/bin/*)
                [ -f "$REPO/$source" ] || { say "$1: $source is not built, left out"; continue; }
                put_file "$mode" "$REPO/$source" "$2$target"
                ;;
            link/*) mkdir -p "$2${target%/*}" && ln -sfn "$source" "$2$target" ;;
        esac
    done < <(awk '$1 == "hikae" || $1 == "hikae/deb" { print $2, $3, $4 }' "$REPO/packaging/files")
    # libvirtd looks for hooks when it starts and on this signal only.
    # shellcheck disable=SC2016
    enter_host "$1" sh -c 'kill -HUP "$(cat /run/libvirtd.pid)"'
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
        rm -f /run/hikaed.pid
        setsid sh -c "echo \$\$ >/run/hikaed.pid; exec /usr/sbin/hikaed" </dev/null >>/var/log/hikae/hikaed.log 2>&1 &
        # The hook asks it once.
        for ((i = 0; i < 300; i++)); do
            old=$(cat /run/hikaed.pid 2>/dev/null)
            if running && hikae status >/dev/null 2>&1; then exit 0; fi
            [ -z "$old" ] || [ -e "/proc/$old" ] || break
            sleep 0.1
        done
        { echo "hikaed ended at once, or does not answer:"; tail -n 5 /var/log/hikae/hikaed.log; } >&2
        exit 1
    ' </dev/null && say "$1: hikaed runs"
}
