// SPDX-License-Identifier: LGPL-2.1-or-later
// fsync FILE SECONDS: overwrites random 4 KiB blocks of a file of 4 MiB, fdatasync after each, and prints how long these took: "fsync US US N", median, 99th percentile, number.
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, BLOCKS = 1024, MOST = 1000000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    static char block[BLOCK];
    if (argc != 3)
        errx(2, "usage: fsync FILE SECONDS");
    int file = open(argv[1], O_RDWR | O_CREAT, 0600);
    double *times = malloc(MOST * sizeof *times);
    if (file < 0 || !times)
        err(1, "%s", argv[1]);
    // Written before, so that what is measured changes no metadata.
    for (int i = 0; i < BLOCKS; i++) {
        memset(block, i, BLOCK);
        if (pwrite(file, block, BLOCK, (off_t)i * BLOCK) != BLOCK)
            err(1, "write");
    }
    if (fsync(file))
        err(1, "fsync");
    int count = 0;
    for (double end = now() + atof(argv[2]) * 1e6; now() < end && count < MOST; count++) {
        memset(block, rand(), BLOCK);
        if (pwrite(file, block, BLOCK, (off_t)(rand() % BLOCKS) * BLOCK) != BLOCK)
            err(1, "write");
        double begin = now();
        if (fdatasync(file))
            err(1, "fdatasync");
        times[count] = now() - begin;
    }
    if (!count)
        errx(1, "no time");
    qsort(times, count, sizeof *times, compare);
    printf("fsync %.0f %.0f %d\n", times[count / 2], times[count * 99L / 100], count);
    return 0;
}
