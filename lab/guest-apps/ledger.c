// SPDX-License-Identifier: LGPL-2.1-or-later
// ledger FILE SINK-ADDRESS SINK-PORT: accounts that remember everything they ever acknowledged.
//
// Port 7002, TCP, a line each:
//   append CLIENT SEQUENCE AMOUNT  ok CLIENT SEQUENCE AMOUNT BALANCE POSITION  HEAD ANSWER BOOT MS
//   read CLIENT                    at CLIENT SEQUENCE BALANCE                  HEAD ANSWER BOOT MS
//   list FROM COUNT                entry POSITION CLIENT SEQUENCE AMOUNT BALANCE, up to COUNT times; then end  HEAD ANSWER BOOT MS
//   anything else                  no REASON
// CLIENT 0..63; its sequence numbers begin with 1 and have no gaps. An append that was done already is answered as it was the first
// time. POSITION counts the entries of all clients, HEAD is the newest. ANSWER counts answers, in memory only; BOOT tells one boot of the
// guest from the next; MS is its monotonic clock. An answer leaves after fdatasync of everything it knows of.
// The file is an array of struct entry. What does not follow the entry before it was never acknowledged, if the disk is honest, and is cut
// off at start; whether it is, the clients know.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 7002, PERIOD_MS = 50, CLIENTS = 64, CONNECTIONS = 64, LINE = 256, MAX_LIST = 500, OUT = 128 * MAX_LIST };

struct entry {
    uint64_t position, client, sequence;
    int64_t amount, balance;
    uint64_t sum;
};

struct account {
    uint64_t *positions;      // of its entries, in order of their sequence numbers
    uint64_t count, room;
    int64_t balance;
};

struct connection {
    int socket, input, output;
    char in[LINE], *out;
};

static struct entry *entries;
static uint64_t head, room, synced, answers;
static struct account accounts[CLIENTS];
static struct connection connections[CONNECTIONS];
static int connected, file;
static char boot[9];

static unsigned long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static void die(const char *what)
{
    printf("ledger BAD %s: %s %llu\n", what, strerror(errno), now_ms());
    exit(1);
}

static void *grown(void *array, uint64_t *room, size_t each)
{
    *room = *room ? *room * 2 : 1024;
    array = realloc(array, *room * each);
    if (!array)
        die("memory");
    return array;
}

static uint64_t sum_of(const struct entry *e)
{
    uint64_t sum = 0x9e3779b97f4a7c15, words[] = { e->position, e->client, e->sequence, (uint64_t)e->amount, (uint64_t)e->balance };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        sum = (sum ^ words[i]) * 0x100000001b3, sum ^= sum >> 29;
    return sum;
}

static void keep(const struct entry *e)
{
    struct account *account = &accounts[e->client];
    if (head == room)
        entries = grown(entries, &room, sizeof *entries);
    if (account->count == account->room)
        account->positions = grown(account->positions, &account->room, sizeof *account->positions);
    entries[head++] = *e;
    account->positions[account->count++] = e->position;
    account->balance = e->balance;
}

static int follows(const struct entry *e)
{
    return e->sum == sum_of(e) && e->position == head + 1 && e->client < CLIENTS && e->sequence == accounts[e->client].count + 1
        && e->balance == accounts[e->client].balance + e->amount;
}

static void recover(const char *path)
{
    struct entry e;
    file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        die(path);
    while (pread(file, &e, sizeof e, head * sizeof e) == sizeof e && follows(&e))
        keep(&e);
    // The directory too: a file that was just made must be found again.
    int folder = open(".", O_RDONLY | O_DIRECTORY);
    if (ftruncate(file, head * sizeof e) || fsync(file) || fsync(folder))
        die("recovery");
    close(folder);
    synced = head;
    printf("ledger up %llu entries %llu\n", (unsigned long long)head, now_ms());
}

static void make_durable(void)
{
    const char *from = (const char *)(entries + synced);
    size_t length = (head - synced) * sizeof *entries;
    if (length == 0)
        return;
    while (length > 0) {
        ssize_t n = write(file, from, length);
        if (n < 0)
            die("write");
        from += n, length -= n;
    }
    if (fdatasync(file))
        die("fdatasync");
    synced = head;
}

static int tail(char *out)
{
    return sprintf(out, " %llu %llu %s %llu\n", (unsigned long long)head, (unsigned long long)++answers, boot, now_ms());
}

static int answer_append(char *out, uint64_t client, uint64_t sequence, int64_t amount)
{
    struct account *account = &accounts[client];
    struct entry e = { head + 1, client, sequence, amount, account->balance + amount, 0 };
    int length;
    if (sequence == 0 || sequence > account->count + 1)
        return sprintf(out, "no gap: %llu has %llu\n", (unsigned long long)client, (unsigned long long)account->count);
    if (sequence == account->count + 1) {
        e.sum = sum_of(&e);
        keep(&e);
    } else {
        e = entries[account->positions[sequence - 1] - 1];
        if (e.amount != amount)
            return sprintf(out, "no other amount: %lld\n", (long long)e.amount);
    }
    length = sprintf(out, "ok %llu %llu %lld %lld %llu", (unsigned long long)client, (unsigned long long)sequence, (long long)e.amount,
        (long long)e.balance, (unsigned long long)e.position);
    return length + tail(out + length);
}

static int answer_list(char *out, uint64_t from, uint64_t count)
{
    int length = 0;
    count = count > MAX_LIST ? MAX_LIST : count;
    for (uint64_t i = from ? from - 1 : 0; i < head && count > 0; i++, count--)
        length += sprintf(out + length, "entry %llu %llu %llu %lld %lld\n", (unsigned long long)entries[i].position,
            (unsigned long long)entries[i].client, (unsigned long long)entries[i].sequence, (long long)entries[i].amount,
            (long long)entries[i].balance);
    length += sprintf(out + length, "end");
    return length + tail(out + length);
}

static int answer(char *out, const char *line)
{
    unsigned long long a, b;
    long long amount;
    int length;
    if (sscanf(line, "append %llu %llu %lld", &a, &b, &amount) == 3 && a < CLIENTS)
        return answer_append(out, a, b, amount);
    if (sscanf(line, "read %llu", &a) == 1 && a < CLIENTS) {
        length = sprintf(out, "at %llu %llu %lld", a, (unsigned long long)accounts[a].count, (long long)accounts[a].balance);
        return length + tail(out + length);
    }
    if (sscanf(line, "list %llu %llu", &a, &b) == 2)
        return answer_list(out, a, b);
    return sprintf(out, "no such request\n");
}

// One answer at a time: the next line is looked at when this answer is out. Gives 0 when the connection is to be closed.
static int take(struct connection *c)
{
    char *end;
    ssize_t n;
    if (c->output > 0)
        return 1;
    n = read(c->socket, c->in + c->input, LINE - 1 - c->input);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return 0;
    c->input += n > 0 ? n : 0;
    c->in[c->input] = 0;
    end = memchr(c->in, '\n', c->input);
    if (!end)
        return c->input < LINE - 1;
    *end = 0;
    c->output = answer(c->out, c->in);
    c->input -= end + 1 - c->in;
    memmove(c->in, end + 1, c->input);
    return 1;
}

// Answers are smaller than the send buffer unless the client does not read; such a client is cut off.
static int give(struct connection *c)
{
    int length = c->output;
    c->output = 0;
    return length == 0 || send(c->socket, c->out, length, MSG_NOSIGNAL) == length;
}

static void drop(int i)
{
    char *out = connections[i].out;
    close(connections[i].socket);
    connections[i] = connections[--connected];
    connections[connected].out = out;
}

static int listener(void)
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(PORT) };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) || listen(fd, 16))
        die("port 7002");
    return fd;
}

static void welcome(int fd)
{
    int one = 1, size = OUT * 2, socket = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
    if (socket < 0)
        return;
    if (connected == CONNECTIONS) {
        close(socket);
        return;
    }
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(socket, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof one);
    struct connection *c = &connections[connected++];
    if (!c->out && !(c->out = malloc(OUT)))
        die("memory");
    c->socket = socket, c->input = c->output = 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in sink = { .sin_family = AF_INET };
    struct itimerspec every = { { 0, PERIOD_MS * 1000000 }, { 0, PERIOD_MS * 1000000 } };
    struct pollfd fds[2 + CONNECTIONS];
    if (argc != 4 || inet_pton(AF_INET, argv[2], &sink.sin_addr) != 1)
        return 2;
    sink.sin_port = htons(atoi(argv[3]));
    setvbuf(stdout, NULL, _IOLBF, 0);
    int id = open("/proc/sys/kernel/random/boot_id", O_RDONLY);
    if (id < 0 || read(id, boot, 8) != 8)
        die("boot_id");
    close(id);
    recover(argv[1]);

    int ticks = timerfd_create(CLOCK_MONOTONIC, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
    timerfd_settime(ticks, 0, &every, NULL);
    fds[0] = (struct pollfd){ ticks, POLLIN, 0 };
    fds[1] = (struct pollfd){ listener(), POLLIN, 0 };
    for (;;) {
        for (int i = 0; i < connected; i++)
            fds[2 + i] = (struct pollfd){ connections[i].socket, POLLIN, 0 };
        if (poll(fds, 2 + connected, -1) < 0)
            continue;
        int polled = connected;
        for (int i = polled - 1; i >= 0; i--)
            if ((fds[2 + i].revents || connections[i].input > 0) && !take(&connections[i]))
                drop(i);
        make_durable();
        for (int i = connected - 1; i >= 0; i--)
            if (!give(&connections[i]))
                drop(i);
        if (fds[1].revents)
            welcome(fds[1].fd);
        if (fds[0].revents) {
            uint64_t missed;
            char line[128];
            if (read(ticks, &missed, sizeof missed) == sizeof missed) {
                int length = snprintf(line, sizeof line, "ledger %llu %llu %s %llu\n", (unsigned long long)head, (unsigned long long)answers,
                    boot, now_ms());
                sendto(out, line, length, 0, (struct sockaddr *)&sink, sizeof sink);
            }
        }
    }
}
