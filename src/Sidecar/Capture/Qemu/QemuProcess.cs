// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text;
using Hikae.Native.Linux;

namespace Hikae.Sidecar.Capture;

/// <summary>The QEMU process that runs a guest.</summary>
internal sealed class QemuProcess : IDisposable
{
    private const int SigKill = 9;

    private readonly PidFd _pidFd;

    private QemuProcess(int pid, PidFd pidFd)
    {
        Pid = pid;
        _pidFd = pidFd;
    }

    public int Pid { get; }

    public bool HasExited => _pidFd.HasExited;

    /// <summary>
    /// Finds it by libvirt's pid file (src/util/virpidfile.c) and makes sure that the process is this guest's: a pid can be reused.
    /// Throws <see cref="FileNotFoundException"/> or <see cref="InvalidOperationException"/> with a sentence.
    /// </summary>
    /// <param name="stateDirectory">libvirt's state directory, "/run/libvirt/qemu".</param>
    /// <param name="guestName">The guest's libvirt name.</param>
    /// <param name="uuid">Its UUID, as libvirt writes it.</param>
    public static QemuProcess Find(string stateDirectory, string guestName, string uuid)
    {
        string path = Path.Combine(stateDirectory, guestName + ".pid");
        int pid = int.Parse(File.ReadAllText(path).Trim(), NumberStyles.None, CultureInfo.InvariantCulture);
        PidFd pidFd = PidFd.Open(pid);
        try
        {
            // The check comes after the descriptor is open: what it names can no longer change.
            string[] words = ReadCommandLine(pid);
            int at = Array.IndexOf(words, "-uuid");
            if (at < 0 || at + 1 >= words.Length || words[at + 1] != uuid)
            {
                throw new InvalidOperationException($"Process {pid} of {path} does not run guest {uuid}.");
            }
            return new QemuProcess(pid, pidFd);
        }
        catch
        {
            pidFd.Dispose();
            throw;
        }
    }

    /// <summary>The words it was started with; none when it has ended.</summary>
    public IReadOnlyList<string> CommandLine => ReadCommandLine(Pid);

    /// <summary>Whether any process runs the guest, whatever libvirt knows of it.</summary>
    public static bool IsAnyOf(string uuid)
    {
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            try
            {
                if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
                    && ReadCommandLine(pid) is var words && Array.IndexOf(words, "-uuid") is > 0 and var at && words.ElementAtOrDefault(at + 1) == uuid)
                {
                    return true;
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile.
            }
        }
        return false;
    }

    /// <summary>False when it still ran after <paramref name="timeout"/>.</summary>
    public bool WaitForExit(TimeSpan timeout) => _pidFd.WaitForExit(timeout);

    /// <summary>Ends it at once.</summary>
    public void Kill() => _pidFd.Kill(SigKill);

    public void Dispose() => _pidFd.Dispose();

    private static string[] ReadCommandLine(int pid) => Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/{pid}/cmdline")).Split('\0');
}
