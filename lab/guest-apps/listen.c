// SPDX-License-Identifier: LGPL-2.1-or-later
// listen PORT [SECONDS]: prints each UDP datagram after the host's monotonic time of arrival in ms. For the client.
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void time_is_up(int unused)
{
    (void)unused;
    _exit(0);
}

int main(int argc, char **argv)
{
    struct sockaddr_in here = { .sin_family = AF_INET };
    char text[2048];
    int one = 1, fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (argc < 2 || argc > 3)
        return 2;
    here.sin_port = htons(atoi(argv[1]));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) {
        perror("listen");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGALRM, time_is_up);
    if (argc == 3)
        alarm(atoi(argv[2]));
    for (;;) {
        ssize_t n = recv(fd, text, sizeof text - 1, 0);
        struct timespec t;
        if (n <= 0)
            continue;
        clock_gettime(CLOCK_MONOTONIC, &t);
        text[n] = 0;
        if (printf("%llu %s", t.tv_sec * 1000ULL + t.tv_nsec / 1000000, text) < 0)
            return 1;
    }
}
