// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Bench.Figures;
using Xunit;

namespace Hikae.Bench.Tests.Figures;

public sealed class ReportTests
{
    [Fact]
    public void A_name_is_given_once_because_the_later_would_hide_the_other()
    {
        var report = new Report("sums");
        report.Add("guests", 24);
        report.AddRow("rows", new Figure("guests", 1));
        report.AddRow("rows", new Figure("guests", 2));

        Assert.Throws<ArgumentException>(() => report.Note("guests", "all of them"));
        Assert.Throws<ArgumentException>(() => report.Add("rows", 1));
        Assert.Throws<ArgumentException>(() => report.AddRow("benchmark", new Figure("guests", 1)));
        Assert.Contains("\"guests\": 24,", report.ToJson(), StringComparison.Ordinal);
    }
}
