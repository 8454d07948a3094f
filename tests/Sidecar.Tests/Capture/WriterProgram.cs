// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;

namespace Hikae.Sidecar.Tests.Capture;

/// <summary>A process that writes its memory all the time, in C, compiled once for the tests of a class.</summary>
public sealed class WriterProgram : IDisposable
{
    /// <remarks>
    /// It leaves its parent at once: the runtime waits for its own children in a way that takes the stops of a traced one for its end.
    /// Two threads write single bytes, whole pages, zero pages, and give pages back; it ends with its input.
    /// Each byte of input is answered: 'm' maps memory, 'u' unmaps it, 'h' lets the heap grow.
    ///
    /// With a second argument two more threads do what a read past the page cache does (O_DIRECT): they touch pages of the second half, wait, in a way that no SIGSTOP
    /// ends, and meanwhile the pages are filled through another mapping, of which the first one's page tables learn nothing.
    /// </remarks>
    private const string Source = """
        #define _GNU_SOURCE
        #include <pthread.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/wait.h>
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

        static unsigned char *device;

        static void *reader(void *seed)
        {
            unsigned long x = (unsigned long)seed;
            for (;;)
            {
                x ^= x << 13; x ^= x >> 7; x ^= x << 17;
                size_t first = (pages + (x >> 20) % (pages - 64)) * 4096;
                pid_t dma = vfork();
                if (dma == 0)
                {
                    for (size_t i = 0; i < 64; i++) memory[first + i * 4096] = (unsigned char)x;
                    usleep(20000);
                    memset(device + first, (int)(x >> 8), 64 * 4096);
                    _exit(0);
                }
                waitpid(dma, 0, 0);
            }
        }

        int main(int argc, char **argv)
        {
            pages = strtoul(argv[1], 0, 10);
            if (fork()) _exit(0);
            if (argc > 2)
            {
                int file = memfd_create("memory", 0);
                ftruncate(file, pages * 4096);
                memory = mmap(0, pages * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
                device = mmap(0, pages * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
                // What the device fills, nobody else writes.
                pages /= 2;
            }
            else
            {
                memory = mmap(0, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            }
            pthread_t thread;
            pthread_create(&thread, 0, writer, (void *)88172645463325252ul);
            pthread_create(&thread, 0, writer, (void *)362436069ul);
            for (unsigned long i = 1; device && i <= 2; i++) pthread_create(&thread, 0, reader, (void *)(i * 2463534242ul));
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
