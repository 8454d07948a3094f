// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Classify;

/// <summary>What was asked last.</summary>
/// <param name="ScanNumber">Strictly rising.</param>
/// <param name="FirstPfn">First guest page frame.</param>
/// <param name="EndPfn">The one behind the last.</param>
/// <param name="Slot">Which part of guest memory this is, of those asked for in turn.</param>
internal sealed record ScanQuestion(ulong ScanNumber, ulong FirstPfn, ulong EndPfn, int Slot);
