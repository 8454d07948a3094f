// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests.Proof;

/// <summary>What the proofs with a disk need of the programs.</summary>
internal static class HeldDisks
{
    /// <summary>Waits until the guest is protected by the first host. Skips the test, visibly, where its disk's writes cannot be held.</summary>
    public static void Require(LabGuest guest)
    {
        GuestReport report = guest.WaitForReport(
            guest.Lab.HostA, "protected, or refused for its disk", report => report.State == "protected" || IsRefused(report));
        Assert.SkipWhen(IsRefused(report), $"needs programs that hold disk writes: {report.Reason}");
    }

    private static bool IsRefused(GuestReport report) =>
        report.State == "unprotected" && report.Reason.Contains("its writes would reach the image", StringComparison.Ordinal);
}
