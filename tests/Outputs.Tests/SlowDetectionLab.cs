// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Outputs.Tests;

/// <summary>Silence is noticed late here, so that a sidecar may be stopped for a while to look at what it was doing.</summary>
public sealed class SlowDetectionLab() : SharedLab("slow", Calm(new Dictionary<string, string> { ["link.detect_ms"] = "15000", ["arbiter.lease_ms"] = "30000" }));
