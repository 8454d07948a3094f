// SPDX-License-Identifier: LGPL-2.1-or-later
// hot FILE SINK-ADDRESS SINK-PORT: reads a file again and again and says how fast: "hot MB/s MS\n" by UDP, for each 100 ms of its own clock (MS), or the one read that took longer.
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, SLICE_US = 100000 };

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    static char buffer[CHUNK];
    struct sockaddr_in sink = { .sin_family = AF_INET };
    if (argc != 4 || inet_pton(AF_INET, argv[2], &sink.sin_addr) != 1)
        errx(2, "usage: hot FILE SINK-ADDRESS SINK-PORT");
    sink.sin_port = htons(atoi(argv[3]));
    int file = open(argv[1], O_RDONLY), out = socket(AF_INET, SOCK_DGRAM, 0);
    if (file < 0 || out < 0)
        err(1, "%s", argv[1]);
    double begin = now_us();
    for (uint64_t bytes = 0;;) {
        ssize_t n = read(file, buffer, CHUNK);
        if (n < 0)
            err(1, "%s", argv[1]);
        bytes += n;
        if (n < CHUNK)
            lseek(file, 0, SEEK_SET);
        double now = now_us();
        if (now - begin >= SLICE_US) {
            char line[64];
            int length = snprintf(line, sizeof line, "hot %.1f %.0f\n", bytes / (now - begin), now / 1000);
            sendto(out, line, length, 0, (struct sockaddr *)&sink, sizeof sink);
            bytes = 0;
            begin = now;
        }
    }
}
