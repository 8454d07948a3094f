// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Measuring;

/// <summary>Waits with a deadline that suits large guests on a busy machine.</summary>
internal static class Waiting
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);

    public static void Until(string what, TimeSpan longest, Func<bool> isSo, Func<string>? details = null)
    {
        long started = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            if (Stopwatch.GetElapsedTime(started) > longest)
            {
                throw new LabException($"Within {longest.TotalSeconds} s not so: {what}\n{details?.Invoke()}");
            }
            Thread.Sleep(Poll);
        }
    }

    /// <summary>Until the host says that the guest is protected and its replica follows.</summary>
    public static void UntilProtected(Lab lab, LabHost host, string guest, TimeSpan? longest = null) => Until(
        $"{guest} is protected",
        longest ?? TimeSpan.FromMinutes(3),
        () => GuestStatusReader.TryRead(host, guest) is { } status && GuestStatusReader.State(status) == "protected",
        lab.Logs);
}
