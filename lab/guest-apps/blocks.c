// SPDX-License-Identifier: LGPL-2.1-or-later
// blocks SINK-ADDRESS SINK-PORT MS: writes disks that can be checked.
//
// Every writable virtio, SCSI or SATA disk that is not mounted is taken, also one that appears later, and its first 64 MiB are written and read
// past the guest's page cache: 4 KiB blocks in random order, each with its number, a sequence number and a checksum. What each block must
// hold is remembered in memory. A block that went back in time, was lost, or was mixed up with another is found when it is read
// back. Some blocks are discarded (then old content and zeros are both right) or zeroed, and fdatasync comes now and then.
// Several threads a disk, each with blocks of its own, one operation every MS ms. Each disk says
// "blocks ok DISK ops N writes W flushes F MS\n" or "blocks BAD DISK ..." to the sink (UDP) and on stdout, five times a second, until it is unplugged.
// Every write of a disk carries a number above all before it, so what survives can be compared with what was said.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, WORDS = BLOCK / 8, MAX_BLOCKS = 16384, MAX_RUN = 16, WORKERS = 3, REPORT_MS = 200, MAX_DISKS = 32, LEAVING_MS = 10000 };

#define UNKNOWN UINT64_MAX    // written before we came, or discarded: zeros and any whole block are right

struct disk {
    char name[16];
    int file;
    uint64_t blocks;
    uint64_t *expected;       // sequence number each block must carry; 0 = all zero
    _Atomic uint64_t sequence, operations, flushes, bad;
    _Atomic int gone;         // unplugged: its errors are none
    char fault[120];
    pthread_mutex_t lock;     // the fault text
};

struct worker {
    struct disk *disk;
    int number;
};

static struct sockaddr_in sink = { .sin_family = AF_INET };
static long pace_ms;

static unsigned long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
    return *x;
}

static void fill(uint64_t *block, uint64_t number, uint64_t sequence)
{
    uint64_t x = number * 0x9e3779b97f4a7c15 ^ sequence ^ 1, sum = number ^ sequence;
    block[0] = number + 1, block[1] = sequence;
    for (int i = 3; i < WORDS; i++)
        block[i] = i < WORDS / 2 ? next_random(&x) : 0, sum = sum * 31 + block[i];
    block[2] = sum;
}

static const char *verify(const uint64_t *block, uint64_t number, uint64_t expected)
{
    static const uint64_t zero[WORDS];
    int is_zero = memcmp(block, zero, BLOCK) == 0;
    uint64_t sum = number ^ block[1];
    if (expected == 0 || (expected == UNKNOWN && is_zero))
        return is_zero ? NULL : "not zero";
    if (is_zero)
        return "lost";
    if (block[0] != number + 1)
        return "other block";
    for (int i = 3; i < WORDS; i++)
        sum = sum * 31 + block[i];
    return block[2] != sum ? "checksum" : expected != UNKNOWN && block[1] != expected ? "other time" : NULL;
}

static int is_gone(struct disk *disk)
{
    char path[64];
    snprintf(path, sizeof path, "/sys/block/%s", disk->name);
    if (access(path, F_OK))
        disk->gone = 1;
    return disk->gone;
}

static void note(struct disk *disk, const char *what, uint64_t block, const char *why)
{
    if (is_gone(disk))
        return;
    pthread_mutex_lock(&disk->lock);
    if (atomic_fetch_add(&disk->bad, 1) == 0)
        snprintf(disk->fault, sizeof disk->fault, "%s block %llu %s", what, (unsigned long long)block, why);
    pthread_mutex_unlock(&disk->lock);
}

// A disk that is unplugged fails some moments before it leaves /sys.
static void failed(struct disk *disk, const char *what, uint64_t block)
{
    const char *why = strerror(errno);
    for (int waited = 0; waited < LEAVING_MS && !is_gone(disk); waited += 50)
        sleep_ms(50);
    note(disk, what, block, why);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct disk *disk = worker->disk;
    uint64_t share = disk->blocks / WORKERS, base = share * worker->number, x = 0x2545f4914f6cdd1d + worker->number + now_ms();
    uint64_t (*data)[WORDS];
    if (share < MAX_RUN || posix_memalign((void **)&data, BLOCK, MAX_RUN * BLOCK))
        return NULL;
    for (; !disk->gone; sleep_ms(pace_ms)) {
        uint64_t count = next_random(&x) % MAX_RUN + 1, first = base + next_random(&x) % (share - count), kind = next_random(&x) % 100;
        off_t at = first * BLOCK;
        ssize_t length = count * BLOCK;
        uint64_t range[2] = { at, length };
        if (kind < 50) {
            uint64_t sequence[MAX_RUN];
            for (uint64_t i = 0; i < count; i++)
                fill(data[i], first + i, sequence[i] = atomic_fetch_add(&disk->sequence, 1) + 1);
            if (pwrite(disk->file, data, length, at) != length)
                failed(disk, "write", first);
            for (uint64_t i = 0; i < count; i++)
                disk->expected[first + i] = sequence[i];
        } else if (kind < 95) {
            if (pread(disk->file, data, length, at) != length)
                failed(disk, "read", first);
            else
                for (uint64_t i = 0; i < count; i++) {
                    const char *why = verify(data[i], first + i, disk->expected[first + i]);
                    if (why)
                        note(disk, "read", first + i, why);
                }
        } else if (kind < 97) {
            if (fdatasync(disk->file))
                failed(disk, "flush", first);
            atomic_fetch_add(&disk->flushes, 1);
        } else if (kind == 97) {
            if (ioctl(disk->file, BLKZEROOUT, range))
                failed(disk, "zero", first);
            for (uint64_t i = 0; i < count; i++)
                disk->expected[first + i] = 0;
        } else if (ioctl(disk->file, BLKDISCARD, range) == 0) {
            for (uint64_t i = 0; i < count; i++)
                disk->expected[first + i] = disk->expected[first + i] ? UNKNOWN : 0;
        }
        atomic_fetch_add(&disk->operations, 1);
    }
    return NULL;
}

static void report(const char *line)
{
    static int out = -1;
    if (out < 0)
        out = socket(AF_INET, SOCK_DGRAM, 0);
    sendto(out, line, strlen(line), 0, (struct sockaddr *)&sink, sizeof sink);
    fputs(line, stdout);
}

static int is_writable(const char *name)
{
    char path[64];
    int number = -1;
    snprintf(path, sizeof path, "/sys/block/%.20s/ro", name);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%d", &number) != 1)
            number = -1;
        fclose(file);
    }
    return number == 0;
}

static int is_mounted(const char *name)
{
    char line[512], device[32];
    int found = 0;
    FILE *mounts = fopen("/proc/mounts", "r");
    snprintf(device, sizeof device, "/dev/%.20s ", name);
    while (mounts && fgets(line, sizeof line, mounts))
        found |= strncmp(line, device, strlen(device)) == 0;
    if (mounts)
        fclose(mounts);
    return found;
}

static struct disk *take(const char *name)
{
    char path[32];
    struct disk *disk = calloc(1, sizeof *disk);
    uint64_t bytes = 0;
    snprintf(disk->name, sizeof disk->name, "%.15s", name);
    snprintf(path, sizeof path, "/dev/%.20s", name);
    pthread_mutex_init(&disk->lock, NULL);
    disk->file = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    if (disk->file < 0 || ioctl(disk->file, BLKGETSIZE64, &bytes) || bytes < BLOCK * WORKERS * MAX_RUN * 2) {
        if (disk->file >= 0)
            close(disk->file);
        free(disk);
        return NULL;
    }
    disk->blocks = bytes / BLOCK < MAX_BLOCKS ? bytes / BLOCK : MAX_BLOCKS;
    disk->expected = malloc(disk->blocks * sizeof *disk->expected);
    for (uint64_t i = 0; i < disk->blocks; i++)
        disk->expected[i] = UNKNOWN;
    // Above what an earlier run of this program can have written.
    disk->sequence = (uint64_t)time(NULL) << 20;
    for (int i = 0; i < WORKERS; i++) {
        pthread_t thread;
        struct worker *worker = malloc(sizeof *worker);
        *worker = (struct worker){ disk, i };
        pthread_create(&thread, NULL, work, worker);
    }
    return disk;
}

int main(int argc, char **argv)
{
    struct disk *disks[MAX_DISKS];
    int count = 0;
    if (argc != 4 || inet_pton(AF_INET, argv[1], &sink.sin_addr) != 1)
        return 2;
    sink.sin_port = htons(atoi(argv[2]));
    pace_ms = strtol(argv[3], NULL, 10);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (;; sleep_ms(REPORT_MS)) {
        DIR *list = opendir("/sys/block");
        for (struct dirent *entry; list && (entry = readdir(list)) && count < MAX_DISKS;) {
            const char *name = entry->d_name;
            int known = 0;
            for (int i = 0; i < count; i++)
                known |= !disks[i]->gone && strcmp(disks[i]->name, name) == 0;
            if (!known && (strncmp(name, "vd", 2) == 0 || strncmp(name, "sd", 2) == 0) && is_writable(name)
                && !is_mounted(name) && (disks[count] = take(name)))
                count++;
        }
        if (list)
            closedir(list);
        for (int i = 0; i < count; i++) {
            struct disk *disk = disks[i];
            char line[300];
            if (disk->gone || is_gone(disk))
                continue;
            pthread_mutex_lock(&disk->lock);
            if (disk->bad)
                snprintf(line, sizeof line, "blocks BAD %s %llu first %s %llu\n", disk->name, (unsigned long long)disk->bad, disk->fault, now_ms());
            else
                snprintf(line, sizeof line, "blocks ok %s ops %llu writes %llu flushes %llu %llu\n", disk->name,
                    (unsigned long long)disk->operations, (unsigned long long)disk->sequence, (unsigned long long)disk->flushes, now_ms());
            pthread_mutex_unlock(&disk->lock);
            report(line);
        }
    }
}
