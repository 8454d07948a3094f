// SPDX-License-Identifier: LGPL-2.1-or-later
// dirty SINK-ADDRESS SINK-PORT REGION-KB SIZE-KB MS [WORDS]: writes memory that can be checked.
//
// Every MS ms the next SIZE-KB of a region of REGION-KB get new content: page number, sequence number, a pattern made of
// both, and a checksum. What each page must hold is remembered elsewhere, so a page that went back in time, was
// lost or was mixed up with another is found, also one that is consistent in itself. With WORDS, a page that has content gets
// only that many new words of 8 bytes besides its sequence number and checksum. A second thread verifies the
// whole region without pause and says "memory ok ROUND pages P writes W MS\n" or "memory BAD ..." to the sink (UDP) and on stdout.
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, WORDS = PAGE / 8, CHECK_PAUSE_MS = 200 };

static uint64_t (*region)[WORDS];
static uint64_t *expected;                 // sequence number each page must carry; 0 = never written, all zero
static size_t pages;
static uint64_t writes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // one page is written or verified at a time
static struct sockaddr_in sink = { .sin_family = AF_INET };

static void sleep_ms(long ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

static uint64_t mix(uint64_t x)
{
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    return x;
}

// Half the page is noise and half is zero, as compressible as ordinary memory.
static void fill(uint64_t *page, uint64_t number, uint64_t sequence)
{
    uint64_t x = number * 0x9e3779b97f4a7c15 ^ sequence, sum = number ^ sequence;
    page[0] = number, page[1] = sequence;
    for (int i = 3; i < WORDS; i++)
        page[i] = i < WORDS / 2 ? (x = mix(x + i)) : 0, sum = sum * 31 + page[i];
    page[2] = sum;
}

// A few words here and there, and what belongs to them.
static void touch(uint64_t *page, uint64_t number, uint64_t sequence, int words)
{
    uint64_t x = number * 0x9e3779b97f4a7c15 ^ sequence, sum = number ^ sequence;
    for (int i = 0; i < words; i++) {
        x = mix(x + i);
        page[3 + (x >> 20) % (WORDS - 3)] = x;
    }
    for (int i = 3; i < WORDS; i++)
        sum = sum * 31 + page[i];
    page[1] = sequence, page[2] = sum;
}

static const char *verify(size_t number)
{
    static const uint64_t zero[WORDS];
    const uint64_t *page = region[number];
    uint64_t sum = page[0] ^ page[1];
    if (expected[number] == 0)
        return memcmp(page, zero, PAGE) ? "not zero" : NULL;
    if (page[0] != number)
        return "other page";
    for (int i = 3; i < WORDS; i++)
        sum = sum * 31 + page[i];
    return page[2] != sum ? "checksum" : page[1] != expected[number] ? "other time" : NULL;
}

static void report(const char *line)
{
    static int out = -1;
    if (out < 0)
        out = socket(AF_INET, SOCK_DGRAM, 0);
    sendto(out, line, strlen(line), 0, (struct sockaddr *)&sink, sizeof sink);
    fputs(line, stdout);
}

static void *check(void *unused)
{
    (void)unused;
    for (unsigned long round = 1;; round++) {
        size_t bad = 0, first = 0;
        const char *why = "";
        uint64_t done = 0;
        char line[200];
        struct timespec t;
        for (size_t i = 0; i < pages; i++) {
            pthread_mutex_lock(&lock);
            const char *fault = verify(i);
            done = writes;
            pthread_mutex_unlock(&lock);
            if (fault && bad++ == 0)
                first = i, why = fault;
        }
        clock_gettime(CLOCK_MONOTONIC, &t);
        unsigned long long ms = t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
        if (bad)
            snprintf(line, sizeof line, "memory BAD %lu pages %zu bad %zu first %zu %s %llu\n", round, pages, bad, first, why, ms);
        else
            snprintf(line, sizeof line, "memory ok %lu pages %zu writes %llu %llu\n", round, pages, (unsigned long long)done, ms);
        report(line);
        sleep_ms(CHECK_PAUSE_MS);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t checker;
    if (argc < 6 || argc > 7 || inet_pton(AF_INET, argv[1], &sink.sin_addr) != 1)
        return 2;
    sink.sin_port = htons(atoi(argv[2]));
    pages = strtoul(argv[3], NULL, 10) / 4;
    size_t each = strtoul(argv[4], NULL, 10) / 4, next = 0;
    long pause_ms = strtol(argv[5], NULL, 10);
    int words = argc > 6 ? atoi(argv[6]) : 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    region = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expected = calloc(pages, sizeof *expected);
    if (pages == 0 || region == MAP_FAILED || !expected) {
        fputs("dirty: no memory\n", stdout);
        return 1;
    }
    pthread_create(&checker, NULL, check, NULL);
    for (;;) {
        for (size_t i = 0; i < each; i++, next = (next + 1) % pages) {
            pthread_mutex_lock(&lock);
            uint64_t before = expected[next];
            expected[next] = ++writes;
            if (words > 0 && before != 0)
                touch(region[next], next, writes, words);
            else
                fill(region[next], next, writes);
            pthread_mutex_unlock(&lock);
        }
        sleep_ms(pause_ms);
    }
}
