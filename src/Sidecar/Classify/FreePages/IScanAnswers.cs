// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;

namespace Hikae.Sidecar.Classify;

/// <summary>Takes what the guest's agent answers. Called on the channel's thread.</summary>
internal interface IScanAnswers
{
    /// <summary>False: nobody waits for this scan (any more); its frames need not be unpacked.</summary>
    bool IsWanted(ulong scanNumber);

    /// <summary>False: this slice is outside of what was asked, or not behind the last one, or one too many.</summary>
    bool TakeSlice(in ScanAnswer answer, ReadOnlySpan<byte> free, ReadOnlySpan<byte> cache);

    /// <summary>False: slices are missing, so the whole scan is void.</summary>
    bool TakeEnd(in ScanEnd end);

    /// <summary>The answer that is waited for will not come.</summary>
    void Lost();
}
