// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using Hikae.Harness;
using Hikae.Harness.Labs;

namespace Hikae.Native.Tests.LinuxTests;

/// <summary>A process with a network of its own, in which there is one tap device, and which speaks there as a guest's QEMU does.</summary>
internal sealed class TapProgram : IDisposable
{
    private const string Source = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <sched.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/ioctl.h>
        #include <unistd.h>
        #include <net/if.h>
        #include <linux/if_tun.h>

        static void fail(const char *what) { perror(what); exit(1); }

        int main(void)
        {
            struct ifreq tap = { .ifr_flags = IFF_TAP | IFF_NO_PI };
            int fd;
            char line[64];
            setvbuf(stdout, NULL, _IOLBF, 0);
            strcpy(tap.ifr_name, "vnet0");
            if (unshare(CLONE_NEWNET) < 0) fail("unshare");
            if ((fd = open("/dev/net/tun", O_RDWR)) < 0) fail("/dev/net/tun");
            if (ioctl(fd, TUNSETIFF, &tap) < 0) fail("TUNSETIFF");
            if (system("ip address add 10.9.9.100/24 dev vnet0 && ip link set vnet0 up") != 0) return 1;
            printf("%u\n", if_nametoindex("vnet0"));
            while (fgets(line, sizeof line, stdin)) {
                unsigned char frame[2048] = {
                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0, 0, 1, 0x08, 0x06,
                    0, 1, 8, 0, 6, 4, 0, 1, 0x52, 0x54, 0, 0, 0, 1, 10, 9, 9, 0, 0, 0, 0, 0, 0, 0, 10, 9, 9, 100,
                };
                if (line[0] == 'a') { /* ask who is .100, as the one with this number */
                    frame[31] = atoi(line + 1);
                    if (write(fd, frame, 42) != 42) fail("write");
                } else do { /* whoever was answered */
                    if (read(fd, frame, sizeof frame) < 42) fail("read");
                } while (frame[12] != 0x08 || frame[13] != 0x06 || frame[21] != 2);
                printf("%d\n", frame[line[0] == 'a' ? 31 : 41]);
            }
            return 0;
        }
        """;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hikae-tap-");
    private readonly Process _process;

    public TapProgram()
    {
        _process = Process.Start(new ProcessStartInfo(CProgram.Compile(_directory.FullName, Source)) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Index = Read();
    }

    /// <summary>The device's number there.</summary>
    public int Index { get; }

    /// <summary>Does something in that network.</summary>
    public T Do<T>(Func<T> action) => NetworkNamespace.Do(_process.Id, action);

    /// <summary>Sends a question to the host, by a sender of this number (1 to 99).</summary>
    public void Ask(int sender)
    {
        _process.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"a{sender}"));
        Read();
    }

    /// <summary>Waits for the host's next answer, and gives the number of the sender it is for.</summary>
    public int Answered()
    {
        _process.StandardInput.WriteLine("h");
        return Read();
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _directory.Delete(recursive: true);
    }

    private int Read() => int.Parse(_process.StandardOutput.ReadLine() ?? throw new EndOfStreamException("the program with the tap has ended"), CultureInfo.InvariantCulture);
}
