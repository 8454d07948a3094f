// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.TwoHosts.Tests;

public sealed class PowerCutWithoutUserfaultfdTests(PowerCutWithoutUserfaultfd cut) : EveryPowerCutTests(cut), IClassFixture<PowerCutWithoutUserfaultfd>;
