// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>Makes a running process create a userfaultfd over its own memory, and takes it from there.</summary>
/// <remarks>
/// Theory of operation. A userfaultfd watches the memory of the process that created it, and no call creates one for another process. So one
/// thread of the process is stopped for some ten microseconds and made to execute two system calls, <c>userfaultfd</c> and <c>close</c>, with a
/// <c>syscall</c> instruction that its program text has anyway. Between the two we duplicate the descriptor from outside, so that in the end ours
/// is the only one: when we exit, for whatever reason, the kernel ends the watch and the process is as it was.
///
/// Do this once, when protection begins, and never per epoch: if we are killed in those microseconds, the thread is left with our registers.
/// </remarks>
public static class UserfaultInjector
{
    // How long a thread may take to notice that it was given up.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    /// <summary>Gives a userfaultfd of the process; pass it to <see cref="Userfaultfd"/>.</summary>
    /// <param name="pid">A 64-bit process that nobody else traces, and that we may trace.</param>
    /// <param name="timeout">How long its main thread may take to stop. It takes longer only if it waits for a device or is frozen.</param>
    /// <exception cref="LinuxException">EPERM: somebody else traces it, or we may not. ESRCH: it has ended.</exception>
    /// <exception cref="TimeoutException">It did not stop in time and goes on untouched.</exception>
    public static SafeFileHandle Attach(int pid, TimeSpan timeout) => Attach(pid, timeout, out _);

    /// <param name="stopped">How long the thread stood still, as seen from here.</param>
    internal static SafeFileHandle Attach(int pid, TimeSpan timeout, out TimeSpan stopped)
    {
        var attempt = new Attempt(pid, timeout);

        // The kernel ties tracing to one OS thread, and to that thread's end: hence one that does nothing else.
        var thread = new Thread(attempt.Run) { IsBackground = true, Name = $"attach to {pid}" };
        thread.Start();
        return attempt.Result(ended: thread.Join(timeout + Grace), out stopped);
    }

    private sealed class Attempt(int pid, TimeSpan timeout)
    {
        private readonly Lock _gate = new();

        // guarded by _gate
        private SafeFileHandle? _result;
        private ExceptionDispatchInfo? _failure;
        private TimeSpan _stopped;
        private bool _abandoned;

        internal void Run()
        {
            SafeFileHandle? result = null;
            ExceptionDispatchInfo? failure = null;
            TimeSpan stopped = default;
            try
            {
                result = Inject(pid, timeout, out stopped);
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }

            lock (_gate)
            {
                _result = result;
                _failure = failure;
                _stopped = stopped;
                if (_abandoned)
                {
                    result?.Dispose();
                }
            }
        }

        internal SafeFileHandle Result(bool ended, out TimeSpan stopped)
        {
            lock (_gate)
            {
                stopped = _stopped;
                _failure?.Throw();
                if (_result is not null)
                {
                    return _result;
                }

                Debug.Assert(!ended);
                _abandoned = true;
                throw new TimeoutException($"Process {pid} stopped but does not go on; it is put right as soon as it does.");
            }
        }
    }

    private static SafeFileHandle Inject(int pid, TimeSpan timeout, out TimeSpan stopped)
    {
        using PidFd process = PidFd.Open(pid);
        if (process.HasExited)
        {
            // Its number is still taken until its parent has asked for its exit status, but there is nothing left to trace.
            throw new LinuxException($"attach to process {pid}", Syscall.ESRCH);
        }

        ulong instruction = SyscallInstruction.Find(pid);

        long start = Stopwatch.GetTimestamp();
        TracedThread thread = TracedThread.Stop(pid, process, timeout);
        SafeFileHandle? taken = null;
        try
        {
            long descriptor = thread.Execute(
                instruction, Syscall.SYS_userfaultfd, Syscall.O_CLOEXEC | Syscall.O_NONBLOCK | Syscall.UFFD_USER_MODE_ONLY);
            if (descriptor < 0)
            {
                throw new LinuxException($"userfaultfd in process {pid}", (int)-descriptor);
            }

            try
            {
                taken = process.GetDescriptor((int)descriptor);
            }
            finally
            {
                // If it stayed open there, the watch would outlive us and the next attempt would find the memory taken (EBUSY).
                thread.Execute(instruction, Syscall.SYS_close, (ulong)descriptor);
            }
        }
        catch
        {
            taken?.Dispose();
            throw;
        }
        finally
        {
            thread.Release();
            stopped = Stopwatch.GetElapsedTime(start);
        }

        return taken;
    }
}
