# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests: files under the shared directory, domain XML on stdout.

GUEST_SINK_BASE=7700

# What Debian's kernel does at a boot that no guest here needs: self tests of ciphers, keys of module signers, the BPF type tables, security modules, keyboard,
# clock chip. An emulated processor spends 1.8 of a boot's 6.5 s of CPU on these.
GUEST_SKIPS="lsm=capability cryptomgr.notests initcall_blacklist=load_system_certificate_list,jent_mod_init,trace_eval_init,bpf_dummy_struct_ops_init,crypto_kdf108_init,i8042_init,vga_arb_device_init,cmos_init"

guest_usage() {
    cat <<'END'
usage: lab/guest NAME [OPTION]... > NAME.xml
  --memory MIB       512 (debian-guest: 1024)
  --vcpus N          1
  --nic              interface on lan0, 10.77.1.(100+INDEX), driver "qemu" (no vhost)
  --index N          1..150, default the next free one; MAC 52:54:00:77:01:INDEX
  --disk SIZE        ext4 image on the shared storage, e.g. 64M, at /data in the guest
  --data BUS,FORMAT,SIZE[,iothread]   an empty disk the guest does not mount, may be repeated: virtio|scsi|sata, raw|qcow2, e.g. 64M
  --uefi             boots by UEFI firmware, with its variable store on the host's own disk; not for debian-guest
  --agent            the virtio-serial channel org.hikae.guest.0, and hikae-guest, which debian-guest always has from its package
  --protect HOST     <hikae:protect backup="HOST"/>
  --outputs unheld   with --protect
  --interval MS      with --protect
  --priority N       with --protect
  --app idle|counter|dirty|busy|blocks|ledger   default idle; blocks writes and verifies every disk that is not mounted; ledger keeps
                     its file on --disk, without one in memory
  --dirty REGION_KB,SIZE_KB,MS[,WORDS]   for --app dirty: 65536,1024,100; with WORDS only so many of a page's words change at a time
  --with postgresql  for debian-guest: PostgreSQL on its disk, open to the LAN, user and database postgres
  --with workloads   for debian-guest: postmark, gzip, and in /usr/src/linux the objects of a kernel to compile
  --append WORDS     more for the kernel's command line
The guest talks to 10.77.1.1, UDP port 7700+INDEX; counter answers at port 7000, ledger at 7002.
END
}

make_guest() { # small|debian NAME [OPTION]...
    local kind=$1
    shift
    local name=${1:-} memory=512 vcpus=1 nic=no index='' disk='' agent=no uefi=no protect='' outputs='' interval='' priority='' app=idle
    local dirty=65536,1024,100 append='' with='' data=()
    [ "$kind" = debian ] && memory=1024
    if [ "$name" = --help ] || [ -z "$name" ]; then
        guest_usage >&2
        [ -n "$name" ] || exit 2
        return
    fi
    [[ $name =~ ^[A-Za-z0-9_-]{1,48}$ ]] || usage_error "guest name '$name': letters, digits, - and _ only"
    shift
    while [ $# -gt 0 ]; do
        case $1 in
            --nic) nic=yes; shift; continue ;;
            --agent) agent=yes; shift; continue ;;
            --uefi) uefi=yes; shift; continue ;;
        esac
        [ $# -ge 2 ] || usage_error "guest: $1 needs a value"
        case $1 in
            --memory) memory=$2 ;;
            --vcpus) vcpus=$2 ;;
            --index) index=$2 ;;
            --disk) disk=$2 ;;
            --data) data+=("$2") ;;
            --protect) protect=$2 ;;
            --outputs) outputs=$2 ;;
            --interval) interval=$2 ;;
            --priority) priority=$2 ;;
            --app) app=$2 ;;
            --dirty) dirty=$2 ;;
            --append) append=$2 ;;
            --with) with=$2 ;;
            *) usage_error "guest: unknown option $1" ;;
        esac
        shift 2
    done
    [[ -z $with || ($kind = debian && -x $LAB_HOME/recipes/debian-$with) ]] || usage_error "guest: --with postgresql or workloads, for debian-guest"
    [[ $uefi = no || $kind = small ]] || usage_error "guest: --uefi is not for debian-guest"
    [[ $app =~ ^(idle|counter|dirty|busy|blocks|ledger)$ ]] || usage_error "guest: --app idle, counter, dirty, busy, blocks or ledger"
    require_lab
    local dir=$LAB_SHARED/guests/$name
    mkdir -p "$dir"
    # The same name again is the same guest again: address, identity and disk stay.
    [ -n "$index" ] || index=$(cat "$dir/index" 2>/dev/null || free_guest_index)
    printf '%s\n' "$index" >"$dir/index"
    [ -f "$dir/uuid" ] || cat /proc/sys/kernel/random/uuid >"$dir/uuid"

    local region size pace sparse
    IFS=, read -r region size pace sparse <<<"$dirty"
    local words="console=ttyS0 quiet loglevel=3 panic=-1 ipv6.disable=1 $GUEST_SKIPS hikae.name=$name"
    words+=" hikae.app=$app hikae.sink=$CLIENT_ADDRESS hikae.port=$((GUEST_SINK_BASE + index))"
    [ "$app" != dirty ] || words+=" hikae.region=$region hikae.size=$size hikae.pace=$pace${sparse:+ hikae.sparse=$sparse}"
    # Only its console is heard, which has a line every 200 ms at either pace.
    [ "$app$nic" != counterno ] || words+=" hikae.pace=200"
    if [ "$kind" = small ]; then make_initramfs "$dir" "$agent"; else make_initramfs "$dir" no; fi
    if [ "$kind" = small ] && [ -n "$disk" ]; then
        words+=" hikae.disk=1"
        make_guest_disk "$dir/disk.raw" "$disk"
    elif [ "$kind" = debian ]; then
        words+=" hikae.root=1 net.ifnames=0"
        make_debian_disk "$dir/disk.raw" "debian${with:+-$with}"
        disk=whole
    fi
    local n
    for ((n = 0; n < ${#data[@]}; n++)); do
        [[ ${data[n]} =~ ^((virtio|scsi),(raw|qcow2),[0-9]+[KMG](,iothread)?|sata,(raw|qcow2),[0-9]+[KMG])$ ]] || usage_error "guest: --data BUS,FORMAT,SIZE[,iothread]"
        make_data_disk "$dir/data$n" "${data[n]}"
        [[ ${data[n]} != sata,* || $words == *hikae.sata* ]] || words+=" hikae.sata=1"
    done
    [ "$nic" = no ] || words+=" hikae.ip=$LAN_PREFIX.$((100 + index))"
    domain_xml "$dir" "${words}${append:+ $append}"
}

free_guest_index() {
    local n
    for ((n = 1; n <= 150; n++)); do
        if ! grep -qsx "$n" "$LAB_SHARED"/guests/*/index; then
            printf '%s\n' "$n"
            return
        fi
    done
    fail "no free guest index"
}

# Compiled when sources or kernel changed; kept with the cache.
guest_parts() {
    local base hash dir build
    base=$(<"$LAB_STATE/base")
    hash=$(cat "$base/guest/modules/order" "$LAB_HOME"/guest-apps/* | sha256sum | cut -c1-12)
    dir=$LAB_CACHE/apps-$hash-${base##*-}
    if [ ! -f "$dir/complete" ]; then
        install_packages gcc=gcc cpio=cpio zstd=zstd /usr/include/stdio.h=libc6-dev >&2
        build=$(mktemp -d "$LAB_CACHE/build-apps.XXXXXX")
        if ! "$LAB_HOME/guest-apps/build" "$base/guest" "$build" >&2; then
            rm -rf "$build"
            fail "could not build the guests' programs"
        fi
        chmod 0755 "$build"
        touch "$build/complete"
        # Somebody else may have been as fast.
        mv -T "$build" "$dir" 2>/dev/null || rm -rf "$build"
    fi
    printf '%s\n' "$dir"
}

# An initramfs may be several archives in a row: the agent of this tree is added behind the cached one, where it has a port to serve.
make_initramfs() { # DIR yes|no    (uses "uefi" of make_guest)
    local parts tree
    parts=$(guest_parts) || exit 1
    # Removed first: a file that libvirt used once carries its owner notes.
    rm -f "$1/kernel" "$1/initramfs"
    # Firmware starts the kernel as a program of its own kind, which the unpacked one is not.
    if [ "$uefi" = yes ]; then cp "$(<"$LAB_STATE/base")/guest/vmlinuz" "$1/kernel"; else cp "$parts/kernel" "$1/kernel"; fi
    cp "$parts/initramfs.cpio" "$1/initramfs"
    if [ "$2" = yes ] && [ -x "$REPO/artifacts/bin/hikae-guest" ]; then
        tree=$(mktemp -d "$1/tree.XXXXXX")
        mkdir -p "$tree/usr/sbin"
        cp "$REPO/artifacts/bin/hikae-guest" "$tree/usr/sbin/"
        (cd "$tree" && find usr/sbin/hikae-guest | cpio --quiet -o -H newc -R 0:0) >>"$1/initramfs"
        rm -r "$tree"
    fi
}

make_guest_disk() { # FILE SIZE
    local empty
    [ -f "$1" ] && return
    empty=$(mktemp -d "$1.XXXXXX")
    truncate -s "$2" "$1.new"
    mkfs.ext4 -q -F -d "$empty" "$1.new" >&2
    rmdir "$empty"
    mv "$1.new" "$1"
}

make_data_disk() { # FILE BUS,FORMAT,SIZE[,iothread]
    local format size rest
    IFS=, read -r _ format size rest <<<"$2"
    [ ! -f "$1.$format" ] || return 0
    if [ "$format" = raw ]; then
        truncate -s "$size" "$1.raw"
    else
        install_packages qemu-img=qemu-utils >&2
        qemu-img create -q -f qcow2 "$1.qcow2" "$size" >&2
    fi
}

# Past the page cache where the file system can (a tmpfs of an old kernel cannot).
disk_cache_mode() { # FILE
    if dd if="$1" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null; then echo none; else echo writethrough; fi
}

domain_xml() { # DIR KERNEL-COMMAND-LINE    (uses the variables of make_guest)
    local inside=/srv/shared/guests/$name
    cat <<END
<domain type='qemu'>
  <name>$name</name>
  <uuid>$(<"$1/uuid")</uuid>
END
    if [ -n "$protect" ]; then
        cat <<END
  <metadata>
    <hikae:protect xmlns:hikae="urn:hikae:domain:1" backup="$protect"${outputs:+ outputs=\"$outputs\"}${interval:+ interval=\"$interval\"}${priority:+ priority=\"$priority\"}/>
  </metadata>
END
    fi
    cat <<END
  <memory unit='MiB'>$memory</memory>
  <vcpu>$vcpus</vcpu>
  <iothreads>$(count_iothreads)</iothreads>
  <os$([ "$uefi" = no ] || echo " firmware='efi'")>
    <type arch='x86_64' machine='pc-q35-10.0'>hvm</type>$([ "$uefi" = no ] || echo "<firmware><feature enabled='no' name='secure-boot'/></firmware>")
    <kernel>$inside/kernel</kernel>
    <initrd>$inside/initramfs</initrd>
    <cmdline>$2</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <controller type='usb' model='none'/>
    <serial type='file'>
      <source path='/var/log/guests/$name.log' append='on'/>
    </serial>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
END
    if [ -n "$disk" ]; then
        cat <<END
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='$(disk_cache_mode "$1/disk.raw")' discard='unmap'/>
      <source file='$inside/disk.raw'/>
      <target dev='vda' bus='virtio'/>
    </disk>
END
    fi
    data_disks_xml "$1"
    if [ "$nic" = yes ]; then
        cat <<END
    <interface type='bridge'>
      <mac address='52:54:00:77:01:$(printf '%02x' "$index")'/>
      <source bridge='lan0'/>
      <model type='virtio'/>
      <driver name='qemu'/>
    </interface>
END
    fi
    if [ "$agent" = yes ]; then
        cat <<END
    <channel type='unix'>
      <target type='virtio' name='org.hikae.guest.0'/>
    </channel>
END
    fi
    printf '  </devices>\n</domain>\n'
}

count_iothreads() { # (uses "data" of make_guest) as many as there are disks that want one
    local n count=0
    for n in "${data[@]}"; do [[ $n != *,iothread ]] || count=$((count + 1)); done
    printf '%s\n' "$count"
}

# A SCSI disk has a controller of its own, so that each can have an I/O thread or not.
data_disks_xml() { # DIR    (uses the variables of make_guest)
    local n bus format thread controllers=0 ports=0 threads=0 letters=bcdefghijklmnop driver
    for ((n = 0; n < ${#data[@]}; n++)); do
        IFS=, read -r bus format _ thread <<<"${data[n]}"
        driver=
        [ -z "$thread" ] || driver=" iothread='$((threads += 1))'"
        if [ "$bus" = scsi ]; then
            printf "    <controller type='scsi' index='%d' model='virtio-scsi'><driver%s/></controller>\n" $controllers "$driver"
            driver=
        fi
        cat <<END
    <disk type='file' device='disk'>
      <driver name='qemu' type='$format' cache='$(disk_cache_mode "$1/data$n.$format")' discard='unmap'$driver/>
      <source file='$inside/data$n.$format'/>
END
        if [ "$bus" = scsi ]; then
            printf "      <target dev='sd%s' bus='scsi'/>\n      <address type='drive' controller='%d' bus='0' target='0' unit='0'/>\n" "${letters:n:1}" $controllers
            controllers=$((controllers + 1))
        elif [ "$bus" = sata ]; then
            printf "      <target dev='sd%s' bus='sata'/>\n      <address type='drive' controller='0' bus='0' target='0' unit='%d'/>\n" "${letters:n:1}" $((ports++))
        else
            printf "      <target dev='vd%s' bus='virtio'/>\n" "${letters:n:1}"
        fi
        printf '    </disk>\n'
    done
}

guest_index() { # NAME
    cat "$LAB_SHARED/guests/${1:-}/index" 2>/dev/null || fail "no guest named '${1:-}' in lab '$LAB_NAME'"
}

listen_to_guest() { # NAME [SECONDS]
    local index parts
    require_lab
    index=$(guest_index "${1:-}")
    parts=$(guest_parts)
    # In place of this shell: whoever ends the command must not leave the listener behind.
    exec nsenter --target "$(remembered_process "$LAB_STATE/client")" --net -- "$parts/listen" $((GUEST_SINK_BASE + index)) ${2:+"$2"}
}

# Sees the guests' frames where the hosts plug into the LAN's switch: which host each guest is heard from.
watch_guests() { # [SECONDS]
    local parts
    require_lab
    parts=$(guest_parts)
    exec_in_lab "$parts/watch" ${1:+"$1"}
}

# Runs a shell command in a guest that has --nic, over the LAN; prints its output, ends with its status.
run_in_guest() { # NAME COMMAND
    local index line status=''
    require_lab
    index=$(guest_index "${1:-}")
    shift
    [ $# -ge 1 ] || usage_error "run: which command?"
    # A guest that has just booted may not listen yet: asked again for 20 s.
    # shellcheck disable=SC2016
    while IFS= read -r line; do
        case $line in
            *'hikae-lab-status '*)
                # A command whose output does not end its last line stands before the mark.
                printf '%s' "${line%hikae-lab-status *}"
                status=${line##*hikae-lab-status }
                ;;
            *) printf '%s\n' "$line" ;;
        esac
    done < <(run_client bash -c 'n=0; until { exec 3<>"/dev/tcp/$1/7001"; } 2>/dev/null; do ((n++ < 100)) || exit; sleep 0.2; done; printf "(%s\n) 2>&1 </dev/null\necho hikae-lab-status \$?; exit\n" "$2" >&3 && cat <&3' \
        run "$LAN_PREFIX.$((100 + index))" "$*")
    [ -n "$status" ] || fail "the guest did not answer"
    return "$status"
}
