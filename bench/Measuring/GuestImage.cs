// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;

namespace Hikae.Bench.Measuring;

/// <summary>The ext4 image of a guest that has not been started.</summary>
internal static class GuestImage
{
    /// <summary>Puts a file of this machine into the image's root directory. Throws <see cref="LabException"/> when it is not whole there.</summary>
    public static void Put(Lab lab, string image, string file, string name)
    {
        long bytes = new FileInfo(file).Length;
        lab.Client("debugfs", "-w", "-R", $"write {file} {name}", image);
        if (!lab.Client("debugfs", "-R", $"stat {name}", image).Contains($"Size: {bytes}", StringComparison.Ordinal))
        {
            throw new LabException($"The file is not whole in {image}.");
        }
    }
}
