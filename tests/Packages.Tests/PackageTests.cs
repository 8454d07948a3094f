// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Xunit;

namespace Hikae.Packages.Tests;

/// <summary>The files themselves, and the .rpm in a root of its own.</summary>
public sealed class PackageTests(PackagesLab packages)
{
    [Fact]
    public void Lint_has_nothing_to_say() => Assert.Equal("", PackagesLab.Shell("packaging/lint \"$1\" | tail -n 50", packages.Folder));

    [Fact]
    public void The_same_tree_makes_the_same_packages()
    {
        string again = Directory.CreateTempSubdirectory("hikae-packages-").FullName;
        PackagesLab.Shell("packaging/build --fast --output \"$1\"", again);

        string differences = PackagesLab.Shell("cd \"$1\" && for f in *.deb *.rpm; do cmp $f \"$2/$f\" || true; done; rm -r \"$2\"", packages.Folder, again);

        Assert.Equal("", differences);
    }

    [Fact]
    public void Programs_that_are_not_native_are_not_packed()
    {
        string said = PackagesLab.Shell("HIKAE_PUBLISH=jit packaging/build --fast --output /nonexistent 2>&1 && echo packed || true");

        Assert.Equal("build: packages hold native programs: unset HIKAE_PUBLISH, which is jit, and run ./publish\n", said);
    }

    [Theory]
    [InlineData("hikae ", "disable doctor enable failover status")]
    [InlineData("hikae enable m", "mail")]
    [InlineData("hikae enable mail --outputs ", "held unheld")]
    public void Zsh_completes_commands_options_and_guests(string line, string words)
    {
        Requires.Published("hikae");

        // zsh's compadd works only while its line editor completes, and keeps what begins as the word does. There is no libvirt here, so virsh is one that knows two guests.
        string offered = PackagesLab.Shell(
            """
            . lab/lib/machine.sh; HIKAE_PACKAGES=(zsh); install_hikae_packages
            work=$(mktemp -d)
            trap 'rm -rf "$work"' EXIT
            printf '#!/bin/sh\n[ "$*" = "-q list --all --name" ] && printf "mail\\nweb\\n"\n' >"$work/virsh"
            chmod +x "$work/virsh"
            PATH=$work:$PWD/artifacts/bin:$PATH zsh -fc '
                compadd() { [[ $1 = -- ]] && shift && print -l -- "$@" }
                fpath=($PWD/packaging/completion $fpath)
                autoload -Uz _hikae
                BUFFER=$1 CURSOR=${#1} words=(${=1})
                [[ $1 != *" " ]] || words+=("")
                CURRENT=${#words}
                _hikae
            ' zsh "$1" | grep "^${1##* }" | grep -v '^-' | sort | xargs
            """,
            line);

        Assert.Equal(words, offered.Trim());
    }

    [Fact]
    public void Both_kinds_hold_the_same_files()
    {
        string differences = PackagesLab.Shell(
            """
            cd "$1"
            list() { sed 's:^\./:/:' | grep -vE '/$|/zsh/|/apparmor|/lintian/|/changelog' | sort; }
            for name in hikae hikae-guest cockpit-hikae; do
                diff <(dpkg-deb --fsys-tarfile ${name}_*.deb | tar t | list) <(rpm2cpio $name-[0-9]*.rpm | cpio -t --quiet | list) | grep '^[<>] .*[^/]$' |
                    grep -vE '/(qemu\.d|hikae|hikae-guest|cockpit-hikae|selinux|grafana|prometheus|schema)$' || true
            done
            """,
            packages.Folder);

        Assert.Equal("", differences);
    }

    [Fact]
    public void The_rpm_installs_verifies_and_leaves_nothing()
    {
        // Debian's root stands in for Fedora's: it has a shell for the scriptlets, and what they look for.
        string said = PackagesLab.Shell(
            """
            base=$(lab/lab base)/root
            exec unshare --mount --pid --fork --kill-child bash -ec '
                root=$1/rpm
                mkdir "$root"; mount -t tmpfs tmpfs "$root"; mkdir "$root"/{upper,work,root}
                mount -t overlay -o "lowerdir=$2,upperdir=$root/upper,workdir=$root/work" overlay "$root/root"
                root=$root/root
                mount -t proc proc "$root/proc"
                mount -t tmpfs tmpfs "$root/dev"; mknod -m 666 "$root/dev/null" c 1 3
                everything() { (cd "$root" && find etc usr -xdev | sort); }
                everything >"$1/before"
                rpm --root "$root" --initdb
                rpm --root "$root" -i --nodeps "$1"/*.rpm
                rpm --root "$root" -V --nodeps hikae hikae-guest cockpit-hikae
                readlink -f "$root/etc/libvirt/hooks/qemu.d/hikae" | sed "s:^$root::"
                chroot "$root" /etc/libvirt/hooks/qemu.d/hikae guest prepare begin - </dev/null
                chroot "$root" hikae --help | head -n 1
                chroot "$root" hikaed --help | head -n 1
                rpm --root "$root" -U --nodeps --force "$1"/hikae-0*.rpm
                chroot "$root" test -x /usr/sbin/hikaed
                rpm --root "$root" -e --nodeps hikae hikae-guest cockpit-hikae
                # Fedora has these directories from elsewhere.
                everything | grep -vxE "usr/share/(zsh/site-functions|cockpit|metainfo)" | diff "$1/before" - || true
            ' - "$1" "$base" 2>&1 | grep -v "Alien\|knowing\|know what"
            """,
            packages.Folder);

        Assert.Equal("/usr/sbin/hikae-hook\nDescription:\nDescription:\n", said);
    }
}
