// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

public sealed class QemuMappingsTests(WriterProgram program) : IClassFixture<WriterProgram>
{
    [Fact]
    public void What_is_mapped_and_unmapped_is_seen_and_the_heap_is_not()
    {
        using var process = new Writer(program, 100);
        using var mappings = new QemuMappings(process.Pid);
        Assert.True(mappings.HaveChanged());
        mappings.Remember();
        Assert.False(mappings.HaveChanged());

        process.Do('h');
        Assert.False(mappings.HaveChanged());

        process.Do('m');
        Assert.True(mappings.HaveChanged());
        Assert.True(mappings.HaveChanged());
        mappings.Remember();
        Assert.False(mappings.HaveChanged());

        process.Do('u');
        process.Do('h');
        Assert.True(mappings.HaveChanged());
    }

    [Fact]
    public void A_process_that_has_ended_is_an_error()
    {
        var process = new Writer(program, 100);
        using var mappings = new QemuMappings(process.Pid);
        process.Dispose();
        Assert.ThrowsAny<IOException>(() => mappings.HaveChanged());
    }
}
