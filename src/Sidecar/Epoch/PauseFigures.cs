// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

/// <summary>One checkpoint's pause.</summary>
/// <param name="Epoch">The epoch that it sealed.</param>
/// <param name="StoodMs">Milliseconds the guest stood still.</param>
/// <param name="CommandMs">Milliseconds from the sidecar's command to its answer, during parts of which the guest runs.</param>
/// <param name="Steps">What <paramref name="StoodMs"/> consists of, in order.</param>
internal sealed record PauseFigures(EpochId Epoch, double StoodMs, double CommandMs, IReadOnlyList<(string Name, double Ms)> Steps);
