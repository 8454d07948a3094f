// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Tests.LinuxTests;

/// <summary>The process that the tests capture, in C. It ends when its input does.</summary>
internal static class TargetSource
{
    /// <remarks>
    /// It leaves its parent at once: the runtime waits for its own children in a way that takes the stops of a traced one for its end.
    /// Modes say what the main thread does; commands come from another: "w OFFSET" writes a byte, "h OFFSET" makes a hole, "c" prints the counter.
    /// </remarks>
    internal const string Text = """
        #define _GNU_SOURCE
        #include <poll.h>
        #include <pthread.h>
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static volatile unsigned long counter, signals;
        static char *memory;
        static const char *slept = "asleep";

        static void on_alarm(int signal) { (void)signal; signals++; }

        static void *commands(void *unused)
        {
            char line[64];
            while (fgets(line, sizeof line, stdin))
            {
                switch (line[0])
                {
                case 'w': memory[strtoul(line + 2, 0, 10)]++; puts("ok"); break;
                case 'h': madvise(memory + strtoul(line + 2, 0, 10), 4096, MADV_DONTNEED); puts("ok"); break;
                case 'c': printf("%lu\n", counter); break;
                case 's': printf("%s\n", slept); break;
                case 'f': { char c[64]; sprintf(c, "ls /proc/%d/fd | wc -l", getpid()); fflush(stdout); (void)!system(c); break; }
                }
                fflush(stdout);
            }
            _exit(0);
        }

        static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }

        int main(int argc, char **argv)
        {
            const char *mode = argv[1];
            size_t length = strtoul(argv[2], 0, 10);
            if (fork()) _exit(0);
            int shared = argc > 3;
            memory = mmap(0, length, PROT_READ | PROT_WRITE, (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
            for (size_t i = 0; i < length; i++) memory[i] = (char)(i / 4096 * 7 + i);
            pthread_t thread;
            pthread_create(&thread, 0, commands, 0);
            printf("%d %lu\n", getpid(), (unsigned long)memory);
            fflush(stdout);
            if (!strcmp(mode, "ppoll"))
            {
                struct timespec timeout = { 600, 0 };
                sigset_t none;
                sigemptyset(&none);
                slept = ppoll(0, 0, &timeout, &none) == 0 ? "whole" : "interrupted";
                pause();
            }
            if (!strcmp(mode, "nanosleep"))
            {
                struct timespec half = { 0, 500000000 };
                double start = now();
                int result = nanosleep(&half, 0);
                double took = now() - start;
                slept = result == 0 && took >= 0.5 ? "whole" : "interrupted";
                pause();
            }
            if (!strcmp(mode, "vfork"))
            {
                if (vfork() == 0) { sleep(2); _exit(0); }
                pause();
            }
            if (!strcmp(mode, "signals"))
            {
                signal(SIGALRM, on_alarm);
                struct itimerval every = { { 0, 200 }, { 0, 200 } };
                setitimer(ITIMER_REAL, &every, 0);
            }
            /* A register that changed under us shows as a sum that is not the same each time. */
            unsigned long expected = 0;
            for (;;)
            {
                unsigned long sum = 1;
                for (unsigned long i = 0; i < 20000; i++) sum = sum * 6364136223846793005ul + i;
                if (expected && sum != expected) { puts("corrupted"); _exit(9); }
                expected = sum;
                counter++;
            }
        }
        """;
}
