// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Chaos;

/// <summary>One thing that goes wrong in a round.</summary>
/// <param name="Kind">What.</param>
/// <param name="OnPrimary">On the host that ran the guest when the round began; else on the other.</param>
/// <param name="AfterMs">After the round began.</param>
/// <param name="ForMs">For what lasts and does not wait for the end of the round: cuts and freezes.</param>
public sealed record Fault(FaultKind Kind, bool OnPrimary, int AfterMs, int ForMs)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Kind} {(OnPrimary ? "primary" : "backup")} at {AfterMs}" + (ForMs > 0 ? $" for {ForMs}" : "");
}
