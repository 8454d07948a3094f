// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Native.Linux;

namespace Hikae.Sidecar.Recovery.Interrupted;

/// <summary>A takeover that has begun and is not over, in a file on tmpfs: should this process be killed, the next one of the guest goes on with it.</summary>
/// <remarks>
/// Written before the guest's domain is touched, deleted when its own sidecar has it or it has ended. A power cut needs no thought, as it ends the guest too.
/// The replica is not kept: a guest whose memory was still on its way when the process died cannot go on.
/// </remarks>
/// <param name="FormerOwner">The host that may still be writing the images, and becomes the guest's backup.</param>
/// <param name="DomainXml">The primary's live XML of the checkpoint.</param>
/// <param name="MayWriteAt">When the images may be written, as a timestamp of <see cref="BootTimeProvider"/>, which all processes of this host read alike.</param>
/// <param name="HasRun">The guest was let go. False: perhaps.</param>
internal sealed record TakeoverNote(string FormerOwner, string DomainXml, long MayWriteAt, bool HasRun)
{
    private static readonly BootTimeProvider Clock = new();

    /// <summary>Timestamp of a moment to come.</summary>
    public static long In(TimeSpan time) => Clock.GetTimestamp() + ((long)time.TotalMicroseconds * 1000);

    /// <summary>How long until the images may be written; zero when that is past.</summary>
    public TimeSpan UntilMayWrite()
    {
        long left = MayWriteAt - Clock.GetTimestamp();
        return left > 0 ? TimeSpan.FromMicroseconds((left / 1000) + 1) : TimeSpan.Zero;
    }

    /// <summary>Null: no takeover was cut short on this host.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="JsonException">The file is none of ours.</exception>
    public static TakeoverNote? Read(SidecarOptions options)
    {
        string path = PathOf(options);
        return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), TakeoverNoteJson.Default.TakeoverNote) : null;
    }

    /// <summary>Replaces the file as a whole.</summary>
    public void Write(SidecarOptions options)
    {
        string next = PathOf(options) + ".new";
        File.WriteAllBytes(next, JsonSerializer.SerializeToUtf8Bytes(this, TakeoverNoteJson.Default.TakeoverNote));
        File.Move(next, PathOf(options), overwrite: true);
    }

    public static void Delete(SidecarOptions options) => File.Delete(PathOf(options));

    private static string PathOf(SidecarOptions options) => options.RunFile("takeover");
}
