// SPDX-License-Identifier: LGPL-2.1-or-later
using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Harness.Labs;

/// <summary>Another network namespace than this process's. A socket belongs to the namespace it was made in, whoever uses it later.</summary>
public static partial class NetworkNamespace
{
    private const int CLONE_NEWNET = 0x40000000;

    /// <summary>A socket in the namespace of a process.</summary>
    /// <param name="process">By its number here.</param>
    /// <param name="type">Of an IPv4 socket.</param>
    /// <param name="protocol">The same.</param>
    internal static Socket MakeSocket(int process, SocketType type, ProtocolType protocol) =>
        Do(process, () => new Socket(AddressFamily.InterNetwork, type, protocol));

    /// <summary>Does something in the namespace of a process, and gives what came of it.</summary>
    /// <param name="process">By its number here.</param>
    /// <param name="action">Runs on a thread of its own.</param>
    public static T Do<T>(int process, Func<T> action)
    {
        T made = default!;
        ExceptionDispatchInfo? fault = null;
        // A thread of its own, because it stays in that namespace until it ends.
        var thread = new Thread(() =>
        {
            try
            {
                Enter(process);
                made = action();
            }
            catch (Exception error)
            {
                fault = ExceptionDispatchInfo.Capture(error);
            }
        });
        thread.Start();
        thread.Join();
        fault?.Throw();
        return made;
    }

    private static void Enter(int process)
    {
        using SafeFileHandle net = File.OpenHandle($"/proc/{process}/ns/net");
        if (setns((int)net.DangerousGetHandle(), CLONE_NEWNET) != 0)
        {
            throw new IOException($"setns: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(int fd, int nstype);
}
