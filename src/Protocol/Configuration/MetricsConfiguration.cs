// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;

namespace Hikae.Protocol.Configuration;

/// <summary>Section [metrics]: numbers for Prometheus.</summary>
public sealed record MetricsConfiguration
{
    /// <summary>Where hikaed answers HTTP requests for /metrics, in plain text and to anybody who gets there. Null, the default: nowhere.</summary>
    public IPEndPoint? Listen { get; init; }
}
