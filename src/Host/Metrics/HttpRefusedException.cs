// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Host.Metrics;

/// <summary>A client of the metrics gets this answer instead, and the connection is closed.</summary>
/// <param name="status">Status code and phrase, as in the answer's first line.</param>
internal sealed class HttpRefusedException(string status) : Exception(status);
