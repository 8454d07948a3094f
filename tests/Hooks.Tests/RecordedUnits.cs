// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks.Tests;

/// <summary>Starts nothing and remembers what it was asked for, in order.</summary>
internal sealed class RecordedUnits : ISidecarUnits
{
    internal List<string> Calls { get; } = [];

    public void Start(string uuid) => Calls.Add("start " + uuid);

    public void Stop(string uuid) => Calls.Add("stop " + uuid);
}
