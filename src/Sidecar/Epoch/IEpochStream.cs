// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

/// <summary>Where an epoch goes: frames what the participants say of it.</summary>
internal interface IEpochStream
{
    /// <summary>An epoch begins to be captured.</summary>
    void Begin(EpochId epoch, CancellationToken cancellationToken);

    /// <summary>All participants have sealed it: it is whole and can be acknowledged.</summary>
    void End(EpochId epoch, CancellationToken cancellationToken);
}
