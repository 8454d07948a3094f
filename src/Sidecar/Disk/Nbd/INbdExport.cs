// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Buffer;

namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>What the server serves. Each request is first tried without waiting; what must wait is then done by a thread that may.</summary>
/// <remarks>Any thread may call. Ranges are inside the export. Errors of the storage are exceptions; see <see cref="NbdErrors"/>.</remarks>
internal interface INbdExport
{
    /// <summary>Clients may ask for it by this name, or by the empty one.</summary>
    string Name { get; }

    /// <summary>As clients are told.</summary>
    long SizeBytes { get; }

    /// <summary>Reads what is in memory. False: <paramref name="missing"/> are not; then <see cref="Read"/>.</summary>
    bool TryRead(long offset, Span<byte> destination, List<DiskRange> missing);

    /// <summary>Reads everything, and waits for the storage.</summary>
    void Read(long offset, Span<byte> destination);

    /// <summary>Writes without waiting, as far as it gets.</summary>
    WriteStep Write(DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data, bool durable);

    /// <summary>Waits, and goes on from there to the end.</summary>
    void FinishWrite(WriteStep step, DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data, bool durable);

    /// <summary>True: nothing needs to be waited for.</summary>
    bool TryFlush();

    /// <summary>Everything acknowledged before is durable when this returns.</summary>
    void Flush();

    /// <summary>What is allocated, from <paramref name="offset"/> on: at least one extent, at most <paramref name="limit"/>, together at most <paramref name="length"/> bytes.</summary>
    void Extents(long offset, long length, int limit, List<NbdExtent> extents);
}
