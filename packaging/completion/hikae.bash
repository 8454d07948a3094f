# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# hikae itself knows its commands, options and their values; libvirt knows the guests.

_hikae() {
    local word=${COMP_WORDS[COMP_CWORD]} guests=''
    if ((COMP_CWORD == 2)) && [[ ${COMP_WORDS[1]} =~ ^(status|enable|disable|failover)$ && $word != -* ]]; then
        guests=$(virsh -q list --all --name 2>/dev/null)
    fi
    mapfile -t COMPREPLY < <(
        compgen -W "$(hikae "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null | grep -v '^/') $guests" -- "$word"
    )
}
complete -F _hikae hikae
