// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Host.Metrics;

/// <summary>How the numbers of a family are to be read, in Prometheus' words.</summary>
internal enum MetricType
{
    /// <summary>Goes up and down.</summary>
    Gauge = 1,

    /// <summary>Only grows, and starts over with hikaed or with a guest's session.</summary>
    Counter,

    /// <summary>Quantiles that the sidecar computed.</summary>
    Summary,
}
