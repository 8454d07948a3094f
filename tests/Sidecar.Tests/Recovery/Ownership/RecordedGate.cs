// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Output;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>A gate at nobody's door.</summary>
internal sealed class RecordedGate : IOutputGate
{
    /// <summary>Null: open.</summary>
    public long? Until { get; private set; }

    public void OpenUntil(long timestamp) => Until = timestamp;

    public void Open() => Until = null;
}
