// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Text;
using Hikae.Sidecar.Capture;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

public sealed class DeviceSectionsTests
{
    private static readonly (uint Section, string Name, uint Instance, int Seed)[] Devices =
        [(2, "timer", 0, 1), (4, "cpu_common", 0, 2), (5, "cpu", 0, 3), (9, "0000:00:02.0/virtio-net", 0, 4)];

    [Fact]
    public void What_the_devices_hold_makes_no_difference_and_what_they_are_does()
    {
        ulong before = DeviceSections.Fingerprint(State(Devices));

        Assert.Equal(before, DeviceSections.Fingerprint(State([.. Devices.Select(device => device with { Seed = device.Seed + 100 })])));
        Assert.NotEqual(before, DeviceSections.Fingerprint(State([.. Devices, (12, "cpu_common", 1, 5)])));
        Assert.NotEqual(before, DeviceSections.Fingerprint(State([.. Devices, (12, "cpu", 1, 5)])));
        Assert.NotEqual(before, DeviceSections.Fingerprint(State(Devices[..3])));
        Assert.NotEqual(before, DeviceSections.Fingerprint(State(Devices[1..])));

        // Pulled out and plugged in again: as before, but for the number.
        Assert.NotEqual(before, DeviceSections.Fingerprint(State([.. Devices[..3], Devices[3] with { Section = 13 }])));
    }

    [Fact]
    public void Nothing_that_a_device_holds_hides_a_device()
    {
        // Footers and heads, whole and cut, as a hostile guest would have its devices hold.
        byte[][] contents = [[0x7e], [0x7e, 0, 0, 0, 9, 4, 0, 0, 0], [0x7e, 0, 0, 0, 9, 4, 0, 0, 0, 9, 255, 65], State(Devices)[..40], [.. Enumerable.Repeat((byte)0x7e, 30)]];
        foreach (byte[] content in contents)
        {
            byte[] with = State([.. Devices, (12, "cpu", 1, 5)], content);
            byte[] without = State(Devices, content);
            Assert.NotEqual(DeviceSections.Fingerprint(without), DeviceSections.Fingerprint(with));
        }
    }

    [Fact]
    public void Any_bytes_have_a_fingerprint()
    {
        byte[] state = State(Devices);
        for (int length = 0; length < state.Length; length++)
        {
            _ = DeviceSections.Fingerprint(state.AsSpan(0, length));
        }
    }

    private static byte[] State((uint Section, string Name, uint Instance, int Seed)[] devices, byte[]? content = null)
    {
        using var stream = new MemoryStream();
        foreach ((uint section, string name, uint instance, int seed) in devices)
        {
            stream.WriteByte(4);
            Write(stream, section);
            stream.WriteByte((byte)name.Length);
            stream.Write(Encoding.ASCII.GetBytes(name));
            Write(stream, instance);
            Write(stream, 1);
            stream.Write(content ?? Content(seed));
            stream.WriteByte(0x7e);
            Write(stream, section);
        }
        stream.WriteByte(0);
        return stream.ToArray();
    }

    private static byte[] Content(int seed)
    {
        byte[] bytes = new byte[300];
        new Random(seed).NextBytes(bytes);
        // Random bytes must not look like what is asked for.
        return [.. bytes.Select(value => value == 0x7e ? (byte)0 : value)];
    }

    private static void Write(MemoryStream stream, uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        stream.Write(bytes);
    }
}
