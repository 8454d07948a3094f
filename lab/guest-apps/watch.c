// SPDX-License-Identifier: LGPL-2.1-or-later
// watch [SECONDS]: from which host each guest is heard. For the lab's own network namespace, where the hosts' plugs lan-HOST are.
//
// A line "FIRST-MS LAST-MS MAC HOST FRAMES" for each run of frames of one guest from one host, without a silence of 100 ms: when it is over, and
// meanwhile each 200 ms (then the same run goes on: FIRST-MS and HOST stay, the rest grows). Times are the machine's monotonic clock.
// A frame counts when it came out of the host's plug, whether or not the plug is in the switch.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GUESTS = 160, SAY_MS = 200, SILENCE_MS = 100 };

static const unsigned char ours[] = { 0x52, 0x54, 0x00, 0x77, 0x01 };    // and the guest's index

static struct run {
    unsigned long long first, last, frames, said;
    char host[IF_NAMESIZE];
} runs[GUESTS];

static unsigned long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static void say(int guest)
{
    struct run *run = &runs[guest];
    if (run->frames == run->said)
        return;
    if (printf("%llu %llu 52:54:00:77:01:%02x %s %llu\n", run->first, run->last, guest, run->host, run->frames) < 0)
        exit(1);
    run->said = run->frames;
}

static void heard(int guest, const char *host)
{
    struct run *run = &runs[guest];
    unsigned long long now = now_ms();
    if (strcmp(run->host, host) || now - run->last >= SILENCE_MS) {
        say(guest);
        *run = (struct run){ .first = now };
        strcpy(run->host, host);
    }
    run->last = now;
    run->frames++;
}

int main(int argc, char **argv)
{
    unsigned char frame[64];
    struct sockaddr_ll from;
    char name[IF_NAMESIZE];
    unsigned long long end = argc == 2 ? now_ms() + atoi(argv[1]) * 1000ULL : ~0ULL, spoken = now_ms();
    struct pollfd fd = { socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), POLLIN, 0 };
    int size = 8 << 20;
    if (fd.fd < 0 || argc > 2) {
        perror("watch");
        return 1;
    }
    setsockopt(fd.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (now_ms() < end) {
        socklen_t length = sizeof from;
        if (poll(&fd, 1, SAY_MS) > 0) {
            ssize_t n = recvfrom(fd.fd, frame, sizeof frame, MSG_TRUNC, (struct sockaddr *)&from, &length);
            // What leaves towards a host is seen at its plug as well.
            if (n >= 14 && from.sll_pkttype != PACKET_OUTGOING && memcmp(frame + 6, ours, sizeof ours) == 0 && frame[11] < GUESTS
                && if_indextoname(from.sll_ifindex, name) && strncmp(name, "lan-host", 8) == 0)
                heard(frame[11], name + 4);
        }
        if (now_ms() - spoken >= SAY_MS) {
            spoken = now_ms();
            for (int i = 0; i < GUESTS; i++)
                say(i);
        }
    }
    return 0;
}
