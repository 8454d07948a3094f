// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Chaos;

/// <summary>Another host became a guest's owner.</summary>
/// <param name="Host">The new owner.</param>
/// <param name="AtMs">When its record was written, by the machine's monotonic clock, in ms.</param>
public sealed record OwnerChange(string Host, long AtMs);
