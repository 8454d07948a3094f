// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.Sidecar.Tests;

public sealed class ReleaseReasonTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-released-").FullName;

    [Fact]
    public void The_hooks_reason_is_read_once()
    {
        string path = Path.Combine(_folder, "guest.released");
        File.WriteAllText(path, "migrated\n");

        Assert.Equal("migrated", ReleaseReason.Read(path));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void A_reason_too_long_to_be_one_is_not_repeated()
    {
        string path = Path.Combine(_folder, "guest.released");
        File.WriteAllText(path, new string('x', 65));

        Assert.Equal("ended", ReleaseReason.Read(path));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
