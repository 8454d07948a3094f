// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Harness;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Owners.Tests;

/// <summary>A host's time of day, which somebody sets while its programs run; elapsed time goes on there as it does.</summary>
/// <remarks>
/// All hosts of a lab have the machine's clock. A library that each program of this host loads before its own shifts what it asks for by seconds that stand in a
/// file of the host. A wait until a time of day, as libvirt has some, ends by the shifted clock, too: at once when it jumps past it, late when it jumps back.
/// Not shifted is what a program looks up in the C library by itself, as a P/Invoke does: none of Hikae's asks for the time of day.
/// </remarks>
internal sealed class HostClock : IDisposable
{
    private const string OffsetFile = "/etc/host-clock";
    private const string PreloadFile = "/etc/ld.so.preload";
    private const string LibraryFile = "/usr/local/lib/host-clock.so";

    private const string Library = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <pthread.h>
        #include <stdint.h>
        #include <sys/mman.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        // Waits are cut into pieces, after each of which the clock is looked at. No machine has been up for as long as it is since 1970.
        enum { PIECE_NS = 50000000, LONGEST_UPTIME_S = 1000000000 };

        typedef int clock_call(clockid_t, struct timespec *);
        typedef int wait_call(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

        static clock_call *real_clock;
        static wait_call *real_wait;
        static const volatile int64_t *offset;

        // Others' constructors may ask for the time before ours has run.
        static void find(void)
        {
            // Two versions of it are there, and the old one is what a name alone finds.
            real_wait = (wait_call *)dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
            real_clock = (clock_call *)dlsym(RTLD_NEXT, "clock_gettime");
        }

        static void __attribute__((constructor)) load(void)
        {
            find();
            int file = open("/etc/host-clock", O_RDONLY | O_CLOEXEC);
            void *memory = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
            if (file >= 0)
                close(file);
            if (memory != MAP_FAILED)
                offset = memory;
        }

        int clock_gettime(clockid_t clock, struct timespec *time)
        {
            if (!real_clock)
                find();
            int result = real_clock(clock, time);
            if (result == 0 && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI))
                time->tv_sec += *offset;
            return result;
        }

        int gettimeofday(struct timeval *restrict time, void *restrict zone)
        {
            struct timespec now;
            (void)zone;
            clock_gettime(CLOCK_REALTIME, &now);
            *time = (struct timeval){ now.tv_sec, now.tv_nsec / 1000 };
            return 0;
        }

        time_t time(time_t *place)
        {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (place)
                *place = now.tv_sec;
            return now.tv_sec;
        }

        static int is_before(const struct timespec *one, const struct timespec *other)
        {
            return one->tv_sec != other->tv_sec ? one->tv_sec < other->tv_sec : one->tv_nsec < other->tv_nsec;
        }

        int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *end)
        {
            if (!real_wait)
                find();
            if (end->tv_sec < LONGEST_UPTIME_S)
                return real_wait(condition, mutex, end);
            struct timespec now, piece = { 0, 0 };
            clock_gettime(CLOCK_REALTIME, &now);
            if (is_before(&now, end)) {
                real_clock(CLOCK_REALTIME, &piece);
                piece.tv_nsec += PIECE_NS;
                if (piece.tv_nsec >= 1000000000) {
                    piece.tv_nsec -= 1000000000;
                    piece.tv_sec++;
                }
            }
            int result = real_wait(condition, mutex, &piece);
            clock_gettime(CLOCK_REALTIME, &now);
            // Woken for no reason, as may happen to whoever waits: it looks at what it waits for and waits on.
            return result == ETIMEDOUT && is_before(&now, end) ? 0 : result;
        }
        """;

    private TimeSpan _offset;

    /// <summary>The host loses power and comes back, so that every program of it is started with this clock.</summary>
    public HostClock(LabHost host)
    {
        Host = host;
        DirectoryInfo folder = Directory.CreateTempSubdirectory("hikae-clock-");
        try
        {
            File.Copy(CProgram.Compile(folder.FullName, Library, "-shared", "-fPIC"), host.PathOf(LibraryFile), overwrite: true);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        Set(0);
        File.WriteAllText(host.PathOf(PreloadFile), LibraryFile + "\n");
        host.Kill();
        host.Boot();
    }

    public LabHost Host { get; }

    /// <summary>Sets it, so many hours from the right time. At the end it is right again.</summary>
    public void Set(int hours)
    {
        _offset = TimeSpan.FromHours(hours);
        // These eight bytes are in every program's memory.
        using var file = new FileStream(Host.PathOf(OffsetFile), FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        file.Write(BitConverter.GetBytes((long)_offset.TotalSeconds));
    }

    /// <summary>The host's programs have this time: the guest's sidecar, which was started long ago, and one that is started now.</summary>
    public void AssertSeenBy(LabGuest guest)
    {
        guest.WaitForReport(Host, $"{_offset.TotalHours} hours from the right time", report => IsSet(report.UpdatedAt));
        Assert.True(IsSet(DateTimeOffset.FromUnixTimeSeconds(long.Parse(Host.Run("date", "+%s"), CultureInfo.InvariantCulture))));
    }

    public void Dispose()
    {
        if (!Host.IsRunning)
        {
            Host.Boot();
        }

        Set(0);
        File.Delete(Host.PathOf(PreloadFile));
    }

    private bool IsSet(DateTimeOffset now) => (now - _offset - DateTimeOffset.UtcNow).Duration() < TimeSpan.FromMinutes(10);
}
