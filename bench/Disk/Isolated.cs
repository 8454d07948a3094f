// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Bench.Disk;

/// <summary>How everything that is measured is started: such that it ends with the benchmark, and otherwise as an administrator's programs are.</summary>
/// <remarks>
/// Not as real-time tasks, which would keep other programs' load out: of two of equal rank on one processor the one waits for the other's whole time slice, also
/// for the thread that writes to the image, which an ordinary scheduler lets step back (nice 5).
/// </remarks>
internal static class Isolated
{
    public const string Program = "setpriv";

    public static readonly string[] Prefix = ["--pdeathsig", "KILL"];
}
