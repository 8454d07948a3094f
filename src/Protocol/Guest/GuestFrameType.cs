// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Guest;

/// <summary>What a frame is. The numbers are the wire's; 0 is never valid.</summary>
public enum GuestFrameType : ushort
{
    /// <summary>Never on the wire.</summary>
    Invalid = 0,

    /// <summary>Host to guest: say <see cref="Hello"/>. No payload.</summary>
    Ping = 1,

    /// <summary>Host to guest: read the page flags and answer. See <see cref="Guest.ScanRequest"/>.</summary>
    ScanRequest = 2,

    /// <summary>Host to guest: you now run on another host. See <see cref="Guest.FailedOver"/>.</summary>
    FailedOver = 3,

    /// <summary>Host to guest: watch which pages are read, and answer. See <see cref="Guest.ReadsRequest"/>.</summary>
    ReadsRequest = 4,

    /// <summary>Guest to host: who the agent is. See <see cref="GuestHello"/>.</summary>
    Hello = 16,

    /// <summary>Guest to host: bitmaps of one slice. See <see cref="Guest.ScanAnswer"/>.</summary>
    ScanAnswer = 17,

    /// <summary>Guest to host: all slices are sent. See <see cref="Guest.ScanEnd"/>.</summary>
    ScanEnd = 18,

    /// <summary>Guest to host: how much of each chunk was read. See <see cref="Guest.ReadsAnswer"/>.</summary>
    ReadsAnswer = 19,

    /// <summary>Guest to host: all answers are sent, or why there are none.</summary>
    ReadsEnd = 20,
}
