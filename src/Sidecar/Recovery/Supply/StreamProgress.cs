// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Recovery;

/// <summary>How far a guest's memory is on its way into QEMU. Written by one thread, read by any.</summary>
internal sealed class StreamProgress
{
    private long _sentPages;
    private long _requestedPages;
    private long _sentBytes;

    /// <summary>Pages that are neither zero nor free.</summary>
    public long TotalPages { get; internal set; }

    /// <summary>Those of them that were sent.</summary>
    public long SentPages => Volatile.Read(ref _sentPages);

    /// <summary>Pages the guest had to wait for, soft ones included.</summary>
    public long RequestedPages => Volatile.Read(ref _requestedPages);

    /// <summary>Bytes of the stream.</summary>
    public long SentBytes => Volatile.Read(ref _sentBytes);

    internal MemoryFill ToStatus() =>
        new(SentPages * ReplicationLimits.PageBytes, TotalPages * ReplicationLimits.PageBytes, RequestedPages);

    internal void CountSent() => Volatile.Write(ref _sentPages, _sentPages + 1);

    internal void CountRequested() => Volatile.Write(ref _requestedPages, _requestedPages + 1);

    internal void SetSentBytes(long bytes) => Volatile.Write(ref _sentBytes, bytes);
}
