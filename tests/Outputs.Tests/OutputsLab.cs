// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Outputs.Tests;

/// <summary>The lab of the tests of this project: other projects' tests may have theirs at the same time.</summary>
public sealed class OutputsLab() : SharedLab("outputs", CalmSettings);
