// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Bench.Loads;
using Xunit;

namespace Hikae.Bench.Tests.Loads;

public class LoadTests
{
    [Theory]
    [InlineData(1, "4000 files", "2048 MiB", "24 objects")]
    [InlineData(0.1, "400 files", "204 MiB", "2 objects")]
    [InlineData(0.0001, "1 files", "1 MiB", "1 objects")]
    public void Loads_are_as_large_as_they_say(double scale, params string[] sizes)
    {
        IReadOnlyList<Load> loads = Load.Paper(scale);

        Assert.Equal(["postmark", "gzip", "make"], loads.Select(load => load.Name));
        Assert.All(loads.Zip(sizes), pair => Assert.StartsWith(pair.Second, pair.First.Size, StringComparison.Ordinal));
        Assert.Contains($"set number {sizes[0].Split(' ')[0]}\\n", loads[0].Command, StringComparison.Ordinal);
        Assert.Contains($"int(NR * {sizes[2].Split(' ')[0]} / all)", loads[2].Command, StringComparison.Ordinal);
    }
}
