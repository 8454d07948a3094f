// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Bench.Disk;

/// <summary>
/// How everything that is measured is started: as real-time tasks of equal rank, so that what else runs on the machine does not decide, and
/// such that it ends with the benchmark.
/// </summary>
internal static class Isolated
{
    public const string Program = "setpriv";

    public static readonly string[] Prefix = ["--pdeathsig", "KILL", "chrt", "--rr", "1"];
}
