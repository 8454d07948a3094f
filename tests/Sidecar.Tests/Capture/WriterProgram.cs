// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;

namespace Hikae.Sidecar.Tests.Capture;

/// <summary>A process that writes its memory all the time, in C, compiled once for the tests of a class.</summary>
public sealed class WriterProgram : IDisposable
{
    /// <remarks>
    /// It leaves its parent at once: the runtime waits for its own children in a way that takes the stops of a traced one for its end.
    /// Two threads write single bytes, whole pages, zero pages, and give pages back; it ends with its input. Each
    /// byte of input is answered: 'm' maps memory, 'u' unmaps it, 'h' lets the heap grow.
    /// </remarks>
    private const string Source = """
        #define _GNU_SOURCE
        #include <pthread.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <unistd.h>

        static unsigned char *memory;
        static size_t pages;

        static void *writer(void *seed)
        {
            unsigned long x = (unsigned long)seed;
            for (;;)
            {
                x ^= x << 13; x ^= x >> 7; x ^= x << 17;
                unsigned char *page = memory + (x >> 20) % pages * 4096;
                switch (x & 63)
                {
                case 0: memset(page, (int)(x >> 8), 4096); break;
                case 1: memset(page, 0, 4096); break;
                case 2: madvise(page, 4096, MADV_DONTNEED); break;
                case 3: for (int i = 0; i < 4096; i += 8) { x ^= x << 13; x ^= x >> 7; x ^= x << 17; memcpy(page + i, &x, 8); } break;
                default: page[(x >> 8) % 4096] = (unsigned char)x; break;
                }
                if ((x & 1023) == 5) usleep(100);
            }
        }

        int main(int argc, char **argv)
        {
            pages = strtoul(argv[1], 0, 10);
            if (fork()) _exit(0);
            memory = mmap(0, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            pthread_t thread;
            pthread_create(&thread, 0, writer, (void *)88172645463325252ul);
            pthread_create(&thread, 0, writer, (void *)362436069ul);
            printf("%d %lu\n", getpid(), (unsigned long)memory);
            fflush(stdout);
            void *more = 0;
            for (int c; (c = getchar()) != EOF; printf("%c\n", c), fflush(stdout))
            {
                if (c == 'm') more = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                if (c == 'u') munmap(more, 4096);
                if (c == 'h') sbrk(1 << 20);
            }
            _exit(0);
        }
        """;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hikae-writer-");

    public WriterProgram() => Path = CProgram.Compile(_directory.FullName, Source, "-pthread");

    public string Path { get; }

    public void Dispose() => _directory.Delete(recursive: true);
}
