// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;

namespace Hikae.Protocol.Tests.Guest;

/// <summary>One good frame of each kind.</summary>
internal static class GuestFrames
{
    internal static readonly ScanRequest Request = new(7, 0x1000, 0x40000, ScanContents.Both);
    internal static readonly ScanEnd End = new(7, 262144, 1000, 2000, 24_000, 1);

    internal static readonly ReadsRequest Reads = new(8, 1000);
    internal static readonly ReadsEnd NoReads = new() { Number = 8, Answers = 1, WhyNot = "no kprobes" };

    internal static readonly GuestHello Hello = new()
    {
        AgentVersion = "0.1.0",
        KernelRelease = "6.1.0-56-cloud-amd64",
        PageSize = 4096,
        Available = ScanContents.Both,
        FreeIsOff = "",
    };

    internal static byte[] Ping()
    {
        byte[] frame = new byte[GuestProtocol.HeaderBytes];
        GuestFrameWriter.WritePing(frame);
        return frame;
    }

    internal static byte[] Answer(ulong scanNumber, ulong firstPfn, int pages, ScanContents contents, Action<byte[]> fill)
    {
        byte[] bitmaps = new byte[ScanAnswer.BytesFor(pages) * (contents == ScanContents.Both ? 2 : 1)];
        fill(bitmaps);
        byte[] frame = new byte[ScanAnswer.MaxFrameBytes];
        int length = ScanAnswer.WriteFrame(frame, scanNumber, firstPfn, pages, contents, bitmaps);
        return frame[..length];
    }

    internal static byte[][] OneOfEach()
    {
        byte[] request = new byte[ScanRequest.FrameBytes];
        Request.WriteFrame(request);
        byte[] failedOver = new byte[FailedOver.FrameBytes];
        new FailedOver(3).WriteFrame(failedOver);
        byte[] end = new byte[ScanEnd.FrameBytes];
        End.WriteFrame(end);
        byte[] hello = new byte[GuestHello.MaxFrameBytes];
        int helloBytes = Hello.WriteFrame(hello);
        byte[] answer = Answer(7, 0x1000, 1001, ScanContents.Both, bitmaps => bitmaps[5] = 0x81);
        byte[] readsRequest = new byte[ReadsRequest.FrameBytes];
        Reads.WriteFrame(readsRequest);
        byte[] readsAnswer = new byte[ReadsAnswer.MaxFrameBytes];
        int readsBytes = ReadsAnswer.WriteFrame(readsAnswer, 8, 1000, [0, 1, 255]);
        byte[] readsEnd = new byte[ReadsEnd.MaxFrameBytes];
        int readsEndBytes = NoReads.WriteFrame(readsEnd);
        return [Ping(), request, failedOver, hello[..helloBytes], answer, end, readsRequest, readsAnswer[..readsBytes], readsEnd[..readsEndBytes]];
    }

    internal static GuestFrameType TypeOf(ReadOnlySpan<byte> bytes)
    {
        var reader = new GuestFrameReader(bytes);
        return reader.TryRead(out GuestFrame frame) ? frame.Type : GuestFrameType.Invalid;
    }

    /// <summary>A frame as a hostile guest may write it: every check holds, whatever the payload is.</summary>
    internal static byte[] Sealed(GuestFrameType type, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[GuestProtocol.HeaderBytes + payload.Length];
        payload.CopyTo(GuestFrameWriter.Payload(frame));
        GuestFrameWriter.Seal(frame, type, payload.Length);
        return frame;
    }
}
