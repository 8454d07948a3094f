// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Consolidation.Tests;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

// Guests run under TCG: two labs at once would only make each other slow.
[assembly: Parallelization(Mode = ParallelMode.None)]
[assembly: AssemblyFixture(typeof(ConsolidationLab))]
