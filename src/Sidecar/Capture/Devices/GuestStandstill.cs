// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;

namespace Hikae.Sidecar.Capture;

/// <summary>Why a guest of which no checkpoint can be made stands still, for people.</summary>
internal static class GuestStandstill
{
    // virDomainPausedReason
    private const int VIR_DOMAIN_PAUSED_USER = 1;
    private const int VIR_DOMAIN_PAUSED_MIGRATION = 2;
    private const int VIR_DOMAIN_PAUSED_SAVE = 3;
    private const int VIR_DOMAIN_PAUSED_DUMP = 4;
    private const int VIR_DOMAIN_PAUSED_IOERROR = 5;
    private const int VIR_DOMAIN_PAUSED_WATCHDOG = 6;
    private const int VIR_DOMAIN_PAUSED_CRASHED = 10;

    private const string Then = "; protection goes on when it runs again";

    /// <summary>Null: it runs again already, or it is on its way down, which is no pause and shows by itself in a moment.</summary>
    /// <param name="state">As libvirt says, with its number for the reason, whose meaning depends on the state.</param>
    public static string? Describe((DomainState State, int Reason) state) => state switch
    {
        (DomainState.Paused, VIR_DOMAIN_PAUSED_USER) => "the guest was paused by a user" + Then,
        (DomainState.Paused, VIR_DOMAIN_PAUSED_MIGRATION or VIR_DOMAIN_PAUSED_SAVE or VIR_DOMAIN_PAUSED_DUMP) =>
            "the guest stands still while libvirt migrates, saves or dumps it" + Then,
        (DomainState.Paused, VIR_DOMAIN_PAUSED_IOERROR) => "QEMU paused the guest because a disk failed" + Then,
        (DomainState.Paused, VIR_DOMAIN_PAUSED_WATCHDOG) => "the guest's watchdog paused it" + Then,
        (DomainState.Paused, VIR_DOMAIN_PAUSED_CRASHED) => "the guest crashed and was left paused" + Then,
        (DomainState.Paused, _) => "the guest is paused" + Then,
        (DomainState.PMSuspended, _) => "the guest has put itself to sleep" + Then,
        _ => null,
    };
}
