// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Guest.Pages;

/// <summary>What one scan found.</summary>
/// <param name="Scanned">Pages whose flags were read.</param>
/// <param name="Free">Free pages.</param>
/// <param name="Cache">Clean page cache by its flags.</param>
/// <param name="Elapsed">Time spent reading and classifying; sending is left out.</param>
internal readonly record struct ScanCounts(ulong Scanned, ulong Free, ulong Cache, TimeSpan Elapsed);
