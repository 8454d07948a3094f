// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>The writes of one sealed epoch, in the order in which the guest made them. While this is not disposed their bytes stay, even when the epoch is dropped.</summary>
internal sealed class EpochEntries : IDisposable
{
    /// <summary>The one before <see cref="MoveNext"/> moved on.</summary>
    public BufferEntry Current => throw new NotImplementedException();

    public bool MoveNext() => throw new NotImplementedException();

    /// <summary>For foreach.</summary>
    public EpochEntries GetEnumerator() => this;

    public void Dispose()
    {
    }
}
