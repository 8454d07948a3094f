// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;

namespace Hikae.TwoHosts.Tests;

/// <summary>The same where QEMU may not page lazily: its memory then comes as an ordinary incoming stream, before it runs.</summary>
public sealed class PowerCutWithoutUserfaultfd() : PowerCut("cut-nouffd", new LabOptions { Userfaultfd = false, Settings = SharedLab.CalmSettings }, withOthers: false);
