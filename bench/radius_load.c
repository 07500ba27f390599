/* Loads a RADIUS accounting server and counts its answers.
 *
 *   radius_load PORT SECRET SECONDS TEMPLATE COUNTER_AT WINDOW
 *
 * TEMPLATE is a file with one Accounting-Request. Eight hexadecimal digits at COUNTER_AT are replaced by a running
 * number, so that every request is new; identifier and Request Authenticator are made to fit. SOCKETS local ports
 * have WINDOW requests out each. A request that stays unanswered for a quarter of a second counts as lost and its
 * place is used again. Prints "ANSWERED LOST SECONDS".
 *
 * MD5 is RFC 1321's, written out here so that nothing but a C compiler is needed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS 4
#define BATCH 64
#define LARGEST 4096

static uint32_t md5_constants[64];
static const int md5_shifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static void md5_block(uint32_t state[4], const uint8_t *block)
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], words[16];
    memcpy(words, block, 64);
    for (int i = 0; i < 64; i++) {
        uint32_t f;
        int g, round = i / 16;
        if (round == 0) f = (b & c) | (~b & d), g = i;
        else if (round == 1) f = (d & b) | (~d & c), g = (5 * i + 1) % 16;
        else if (round == 2) f = b ^ c ^ d, g = (3 * i + 5) % 16;
        else f = c ^ (b | ~d), g = (7 * i) % 16;
        f += a + md5_constants[i] + words[g];
        a = d, d = c, c = b;
        b += f << md5_shifts[round][i % 4] | f >> (32 - md5_shifts[round][i % 4]);
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

static void md5(const uint8_t *data, size_t length, uint8_t digest[16])
{
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    uint8_t tail[128] = {0};
    size_t whole = length / 64 * 64, rest = length - whole, padded = rest < 56 ? 64 : 128;
    uint64_t bits = (uint64_t)length * 8;
    for (size_t at = 0; at < whole; at += 64) md5_block(state, data + at);
    memcpy(tail, data + whole, rest);
    tail[rest] = 0x80;
    memcpy(tail + padded - 8, &bits, 8);
    for (size_t at = 0; at < padded; at += 64) md5_block(state, tail + at);
    memcpy(digest, state, 16);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static uint8_t packet[LARGEST + 256];
static size_t packet_length, counter_at, secret_length;
static uint32_t counter;

/* A new request with this identifier, into `to`. */
static void make(uint8_t identifier, uint8_t *to)
{
    char digits[9];
    snprintf(digits, sizeof digits, "%08x", counter++);
    memcpy(packet + counter_at, digits, 8);
    packet[1] = identifier;
    memset(packet + 4, 0, 16);
    memcpy(to, packet, packet_length);
    md5(packet, packet_length + secret_length, to + 4);
}

int main(int argc, char **argv)
{
    if (argc != 7) return fprintf(stderr, "usage: radius_load PORT SECRET SECONDS TEMPLATE COUNTER_AT WINDOW\n"), 2;
    double seconds = atof(argv[3]);
    int window = atoi(argv[6]);
    if (window < 1 || window > 256) return fprintf(stderr, "WINDOW is 1 to 256\n"), 2;
    for (int i = 0; i < 64; i++) {
        /* floor(2^32 * |sin(i + 1)|) without the mathematical library: sine by its series. */
        double x = i + 1, turn = 6.283185307179586476925287;
        while (x > turn / 2) x -= turn;
        double term = x, sine = x;
        for (int k = 1; k < 20; k++) term *= -x * x / ((2 * k) * (2 * k + 1)), sine += term;
        md5_constants[i] = (uint32_t)(4294967296.0 * (sine < 0 ? -sine : sine));
    }
    uint8_t check[16];
    md5((const uint8_t *)"abc", 3, check);
    if (memcmp(check, "\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72", 16))
        return fprintf(stderr, "MD5 is wrong here (a big-endian machine?)\n"), 3;

    FILE *file = fopen(argv[4], "rb");
    if (!file || !(packet_length = fread(packet, 1, LARGEST, file))) return perror(argv[4]), 2;
    fclose(file);
    counter_at = atoi(argv[5]);
    secret_length = strlen(argv[2]);
    if (secret_length > 200 || counter_at + 8 > packet_length) return fprintf(stderr, "bad argument\n"), 2;
    memcpy(packet + packet_length, argv[2], secret_length);
    counter = (uint32_t)time(NULL) << 24 ^ (uint32_t)getpid() << 12;

    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct pollfd sockets[SOCKETS];
    static double sent_at[SOCKETS][256]; /* 0: this identifier is free */
    static uint8_t next_identifier[SOCKETS];
    int out[SOCKETS] = {0};
    for (int s = 0; s < SOCKETS; s++) {
        int size = 4 << 20;
        sockets[s].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        sockets[s].events = POLLIN;
        setsockopt(sockets[s].fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        if (sockets[s].fd < 0 || connect(sockets[s].fd, (struct sockaddr *)&server, sizeof server))
            return perror("socket"), 3;
    }
    static uint8_t requests[BATCH][LARGEST], answers[BATCH][LARGEST];
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    long answered = 0, lost = 0;
    double begin = now(), at = begin, swept = begin;
    while ((at = now()) - begin < seconds) {
        for (int s = 0; s < SOCKETS; s++) {
            int n = 0;
            for (int tries = 0; tries < 256 && out[s] < window && n < BATCH; tries++) {
                uint8_t id = next_identifier[s]++;
                if (sent_at[s][id] != 0) continue;
                make(id, requests[n]);
                sent_at[s][id] = at;
                out[s]++;
                vectors[n] = (struct iovec){requests[n], packet_length};
                messages[n].msg_hdr = (struct msghdr){.msg_iov = &vectors[n], .msg_iovlen = 1};
                n++;
            }
            for (int sent = 0; sent < n;) {
                int k = sendmmsg(sockets[s].fd, messages + sent, n - sent, 0);
                if (k < 0) break; /* counts as lost later */
                sent += k;
            }
        }
        if (poll(sockets, SOCKETS, 50) < 0) return perror("poll"), 3;
        for (int s = 0; s < SOCKETS; s++) {
            if (!(sockets[s].revents & POLLIN)) continue;
            for (int i = 0; i < BATCH; i++) {
                vectors[i] = (struct iovec){answers[i], LARGEST};
                messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
            }
            int n = recvmmsg(sockets[s].fd, messages, BATCH, 0, NULL);
            for (int i = 0; i < n; i++) {
                uint8_t id = answers[i][1];
                if (messages[i].msg_len < 20 || answers[i][0] != 5 || sent_at[s][id] == 0) continue;
                sent_at[s][id] = 0;
                out[s]--;
                answered++;
            }
        }
        if (at - swept > 0.05) {
            swept = at;
            for (int s = 0; s < SOCKETS; s++)
                for (int id = 0; id < 256; id++)
                    if (sent_at[s][id] != 0 && at - sent_at[s][id] > 0.25)
                        sent_at[s][id] = 0, out[s]--, lost++;
        }
    }
    printf("%ld %ld %.6f\n", answered, lost, at - begin);
    return 0;
}
