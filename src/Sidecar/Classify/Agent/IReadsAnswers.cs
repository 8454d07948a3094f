// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;

namespace Hikae.Sidecar.Classify;

/// <summary>Takes what the guest's agent says of reads. Called on the channel's thread.</summary>
internal interface IReadsAnswers
{
    /// <summary>False: nobody waits for this answer (any more).</summary>
    bool IsWanted(ulong number);

    /// <summary>False: these chunks are not the guest's, or not behind the last ones.</summary>
    bool Take(in ReadsAnswer answer);

    /// <summary>False: answers are missing, so that all of them are void.</summary>
    bool TakeEnd(ReadsEnd end);

    /// <summary>The answer that is waited for will not come.</summary>
    void Lost();
}
