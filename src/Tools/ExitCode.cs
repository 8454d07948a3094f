// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools;

/// <summary>What a script can tell from hikae's exit status. Documented in hikae(8).</summary>
internal static class ExitCode
{
    internal const int Done = 0;

    /// <summary>It was understood and did not work, or doctor found something that fails.</summary>
    internal const int Failed = 1;

    /// <summary>The command line was not understood.</summary>
    internal const int Usage = 2;

    /// <summary>hikaed does not run on this host.</summary>
    internal const int NoDaemon = 3;
}
