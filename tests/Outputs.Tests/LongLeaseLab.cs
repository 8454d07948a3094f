// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Outputs.Tests;

/// <summary>A lost host is noticed soon here, and its lease lasts long: a recovered guest runs for a while before its images may be written.</summary>
public sealed class LongLeaseLab() : SharedLab("lease", Calm(new Dictionary<string, string> { ["link.detect_ms"] = "2000", ["arbiter.lease_ms"] = "20000" }));
