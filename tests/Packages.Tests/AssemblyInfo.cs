// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Packages.Tests;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

// One lab, whose hosts are installed and cleared by turns.
[assembly: Parallelization(Mode = ParallelMode.None)]
[assembly: AssemblyFixture(typeof(PackagesLab))]
