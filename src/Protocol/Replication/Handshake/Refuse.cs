// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Why a link is refused.</summary>
/// <param name="Code">A stable word for programs: version, guest, busy, config, full.</param>
/// <param name="Reason">A sentence for people.</param>
public sealed record Refuse(string Code, string Reason)
{
    /// <summary>The hosts are set up so that this one could never continue the guest.</summary>
    public const string Configuration = "config";

    /// <summary>The backup has no memory left for a further guest. The reason names it, and says how much it has.</summary>
    public const string Full = "full";
}
