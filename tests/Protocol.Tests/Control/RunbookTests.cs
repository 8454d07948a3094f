// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Harness;
using Hikae.Protocol.Control;
using Xunit;

namespace Hikae.Protocol.Tests.Control;

/// <summary>Whatever state an operator sees, the runbook says what to do.</summary>
public sealed class RunbookTests
{
    [Fact]
    public void Every_state_has_a_line_in_the_runbook()
    {
        string runbook = Repository.Read("docs", "failover.md");

        Assert.All(Enum.GetNames<GuestState>(), state =>
            Assert.Contains($"\n| `{JsonNamingPolicy.CamelCase.ConvertName(state)}` | ", runbook, StringComparison.Ordinal));
    }
}
