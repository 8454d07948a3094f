// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Sidecar.Epoch;

/// <summary>Number of an epoch within one replication session. The first is 1; 0 means "none yet".</summary>
internal readonly record struct EpochId(ulong Value)
{
    public EpochId Next => new(Value + 1);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"epoch {Value}");
}
