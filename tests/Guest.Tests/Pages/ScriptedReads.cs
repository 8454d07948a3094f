// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Guest.Pages;

namespace Hikae.Guest.Tests.Pages;

/// <summary>A kernel that tells what the test says of what is read, or why it does not.</summary>
internal sealed class ScriptedReads : IReadWatch
{
    internal string WhyNot { get; set; } = string.Empty;

    internal List<(ulong FirstChunk, byte[] Chunks)> Stretches { get; } = [];

    internal List<TimeSpan> Watched { get; } = [];

    public string Watch(TimeSpan duration, IReadSink sink)
    {
        Watched.Add(duration);
        Stretches.ForEach(stretch => sink.TakeReads(stretch.FirstChunk, stretch.Chunks));
        return WhyNot;
    }
}
