// SPDX-License-Identifier: LGPL-2.1-or-later
// counter SINK-ADDRESS SINK-PORT [PERIOD-MS]: counts in memory only, and says so.
//
// Every 20 ms (PERIOD-MS) one UDP datagram "counter N MS\n" to the sink (MS: the guest's monotonic clock) and, every 200 ms, the
// same line on stdout. Port 7000, TCP (one answer per line) and UDP (one per datagram), is answered with
// "counter N MS requests R\n": R counts requests, so a client that once saw R and later sees a smaller R has been
// told something that the guest forgot.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { PERIOD_MS = 20, SERIAL_MS = 200, QUERY_PORT = 7000, MAX_CLIENTS = 32 };

static unsigned long long count, requests;

static unsigned long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static int answer(char *line, size_t size)
{
    return snprintf(line, size, "counter %llu %llu requests %llu\n", count, now_ms(), ++requests);
}

static int listener(int type)
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(QUERY_PORT) };
    int one = 1, fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0 || (type == SOCK_STREAM && listen(fd, 8) < 0)) {
        perror("counter: port 7000");
        exit(1);
    }
    return fd;
}

static int serve_tcp(int fd)
{
    char in[512], line[128];
    ssize_t n = read(fd, in, sizeof in);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return 0;
    for (ssize_t i = 0; i < n; i++)
        if (in[i] == '\n' && write(fd, line, answer(line, sizeof line)) < 0)
            return 0;
    return 1;
}

static void serve_udp(int fd)
{
    char in[512], line[128];
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    if (recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &length) >= 0)
        sendto(fd, line, answer(line, sizeof line), 0, (struct sockaddr *)&from, length);
}

int main(int argc, char **argv)
{
    struct sockaddr_in sink = { .sin_family = AF_INET };
    long period_ms = argc > 3 ? strtol(argv[3], NULL, 10) : PERIOD_MS;
    struct pollfd fds[3 + MAX_CLIENTS];
    int clients = 0;
    if (argc < 3 || argc > 4 || period_ms < 1 || period_ms > SERIAL_MS || inet_pton(AF_INET, argv[1], &sink.sin_addr) != 1)
        return 2;
    sink.sin_port = htons(atoi(argv[2]));
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct itimerspec every = { { 0, period_ms * 1000000 }, { 0, period_ms * 1000000 } };
    int ticks = timerfd_create(CLOCK_MONOTONIC, 0);
    timerfd_settime(ticks, 0, &every, NULL);
    fds[0] = (struct pollfd){ ticks, POLLIN, 0 };
    fds[1] = (struct pollfd){ listener(SOCK_DGRAM), POLLIN, 0 };
    fds[2] = (struct pollfd){ listener(SOCK_STREAM), POLLIN, 0 };
    int out = socket(AF_INET, SOCK_DGRAM, 0);

    for (;;) {
        if (poll(fds, 3 + clients, -1) < 0)
            continue;
        if (fds[0].revents) {
            unsigned long long missed;
            char line[128];
            if (read(ticks, &missed, sizeof missed) == sizeof missed) {
                int length = snprintf(line, sizeof line, "counter %llu %llu\n", ++count, now_ms());
                sendto(out, line, length, 0, (struct sockaddr *)&sink, sizeof sink);
                if (count % (SERIAL_MS / period_ms) == 0)
                    fputs(line, stdout);
            }
        }
        if (fds[1].revents)
            serve_udp(fds[1].fd);
        if (fds[2].revents) {
            int fd = accept4(fds[2].fd, NULL, NULL, SOCK_NONBLOCK);
            if (fd >= 0 && clients < MAX_CLIENTS)
                fds[3 + clients++] = (struct pollfd){ fd, POLLIN, 0 };
            else if (fd >= 0)
                close(fd);
        }
        for (int i = 3; i < 3 + clients; i++)
            if (fds[i].revents && !serve_tcp(fds[i].fd)) {
                close(fds[i].fd);
                fds[i--] = fds[3 + --clients];
            }
    }
}
