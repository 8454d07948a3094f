// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>What a reader of the control socket accepts at most, so that no peer decides how much memory it takes.</summary>
public static class ControlLimits
{
    /// <summary>Bytes of one frame's JSON. A page of statuses is the largest message; longer answers are split, see <see cref="Statuses"/>.</summary>
    public const int MaxFrameBytes = 1 << 20;

    /// <summary>Bytes of one frame that a sidecar or a command may send: a status is below two kilobytes.</summary>
    public const int MaxRequestBytes = 64 << 10;

    /// <summary>Characters of a free text (reason, message) in a message; longer ones are cut by the writer.</summary>
    public const int MaxTextLength = 1000;

    /// <summary>Characters of a guest's or a host's name. libvirt allows a file name, which is at most 255 bytes.</summary>
    public const int MaxNameLength = 255;

    /// <summary>Bytes before the JSON: its length, big-endian.</summary>
    public const int PrefixBytes = 4;
}
