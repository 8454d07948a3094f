// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Images;

/// <summary>Writes to an image by one host, with none by another host between them.</summary>
/// <param name="Host">The host; the outer machine's own name for a test's or a tool's writes.</param>
/// <param name="Writes">How many notices so far. Writes that follow each other closely may be one.</param>
public sealed record ImageRun(string Host, long Writes);
