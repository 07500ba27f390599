/* Plain C loops beside the sections hdlc, e1 and voice: what a straightforward program in C does, octet by octet and bit by
   bit, with tables where such programs have them (CRC-16 and CRC-4 by octets, A-law by two samples). */
#include <stddef.h>
#include <stdint.h>

/* --- HDLC in a timeslot (X.25 2.2): bits least significant first into the line, the line's first bit most significant */

static uint16_t crc16[256];
static uint8_t ones_in[256], zeros_before[256], zeros_after[256];
static uint8_t crc4_table[16][256];

void prepare(void) {
    for (int octet = 0; octet < 256; octet++) {
        uint16_t value = (uint16_t)octet;
        for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0x8408 : value >> 1;
        crc16[octet] = value;
        for (int bit = 0; bit < 8; bit++) ones_in[octet] += octet >> bit & 1;
        while (zeros_before[octet] < 8 && !(octet >> (7 - zeros_before[octet]) & 1)) zeros_before[octet]++;
        while (zeros_after[octet] < 8 && !(octet >> zeros_after[octet] & 1)) zeros_after[octet]++;
        for (int state = 0; state < 16; state++) {
            unsigned register_ = (unsigned)state;
            for (int bit = 7; bit >= 0; bit--) {
                unsigned out = register_ >> 3 & 1;
                register_ = (register_ << 1 & 15) | (octet >> bit & 1);
                if (out) register_ ^= 3;
            }
            crc4_table[state][octet] = (uint8_t)register_;
        }
    }
}

/* Frames of `size` octets each, one flag between two, into `room` octets of the line. Returns the frames begun. */
size_t hdlc_transmit(const uint8_t *frames, size_t count, size_t size, uint8_t *line, size_t room) {
    size_t at = 0, frame = 0;
    unsigned octet = 0, bits = 0;
#define PUT(bit)                                        \
    do {                                                \
        octet = octet << 1 | (unsigned)(bit);           \
        if (++bits == 8) {                              \
            line[at++] = (uint8_t)octet;                \
            octet = bits = 0;                           \
            if (at == room) return frame;               \
        }                                               \
    } while (0)
    for (;;) {
        for (int bit = 0; bit < 8; bit++) PUT(0x7E >> bit & 1);
        if (frame == count) continue;
        const uint8_t *source = frames + frame++ * size;
        uint16_t fcs = 0xFFFF;
        unsigned ones = 0;
        for (size_t n = 0; n < size + 2; n++) {
            uint8_t value;
            if (n < size) {
                value = source[n];
                fcs = fcs >> 8 ^ crc16[(fcs ^ value) & 255];
            } else {
                uint16_t sent = fcs ^ 0xFFFF;
                value = (uint8_t)(n == size ? sent : sent >> 8);
            }
            for (int bit = 0; bit < 8; bit++) {
                unsigned one = value >> bit & 1;
                PUT(one);
                ones = one ? ones + 1 : 0;
                if (ones == 5) {
                    PUT(0);
                    ones = 0;
                }
            }
        }
    }
#undef PUT
}

/* The good frames of a line; their octets follow each other in `out`. */
size_t hdlc_receive(const uint8_t *line, size_t octets, uint8_t *out, size_t *total) {
    static uint8_t frame[4200];
    size_t good = 0, written = 0, length = 0;
    unsigned ones = 0, value = 0, bits = 0, inside = 0;
    for (size_t n = 0; n < octets; n++) {
        for (int place = 7; place >= 0; place--) {
            unsigned one = line[n] >> place & 1;
            if (one) {
                if (++ones > 6) inside = 0;
            } else {
                unsigned before = ones;
                ones = 0;
                if (before == 5) continue;
                if (before == 6) {
                    if (inside && bits == 7 && length >= 4) {
                        uint16_t fcs = 0xFFFF;
                        for (size_t at = 0; at < length; at++) fcs = fcs >> 8 ^ crc16[(fcs ^ frame[at]) & 255];
                        if (fcs == 0xF0B8) {
                            for (size_t at = 0; at + 2 < length; at++) out[written++] = frame[at];
                            good++;
                        }
                    }
                    inside = 1;
                    length = bits = value = 0;
                    continue;
                }
            }
            if (!inside) continue;
            value = value >> 1 | one << 7;
            if (++bits == 8) {
                if (length < sizeof frame) frame[length++] = (uint8_t)value;
                else inside = 0;
                bits = value = 0;
            }
        }
    }
    *total = written;
    return good;
}

/* --- E1 (G.704): timeslots into frames and back, CRC-4 and timeslot 0 */

void mux(const uint8_t *timeslots, size_t frames, uint8_t *line) {
    for (size_t frame = 0; frame < frames; frame++)
        for (size_t slot = 0; slot < 32; slot++) line[frame * 32 + slot] = timeslots[slot * frames + frame];
}

void demux(const uint8_t *line, size_t frames, uint8_t *timeslots) {
    for (size_t slot = 0; slot < 32; slot++)
        for (size_t frame = 0; frame < frames; frame++) timeslots[slot * frames + frame] = line[frame * 32 + slot];
}

static unsigned crc4(const uint8_t *smf) {
    unsigned value = 0;
    for (int n = 0; n < 256; n++) {
        /* The C bits of the even frames count as 0. */
        uint8_t octet = n % 64 == 0 ? smf[n] & 0x7F : smf[n];
        value = crc4_table[value][octet];
    }
    for (int bit = 0; bit < 4; bit++) value = value & 8 ? (value << 1 & 15) ^ 3 : value << 1 & 15;
    return value;
}

/* Errored SMFs among those whose check value is in the next one. */
size_t crc4_check(const uint8_t *line, size_t frames) {
    size_t wrong = 0;
    for (size_t smf = 0; smf + 1 < frames / 8; smf++) {
        unsigned found = 0;
        for (int n = 0; n < 4; n++) found = found << 1 | line[(smf + 1) * 256 + n * 64] >> 7;
        wrong += crc4(line + smf * 256) != found;
    }
    return wrong;
}

/* Fill timeslot 0 of whole multiframes; `check` is that of the SMF before. */
unsigned crc4_generate(const uint8_t *payload, size_t frames, uint8_t *line, unsigned check) {
    static const uint8_t first[16] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1};
    for (size_t frame = 0; frame < frames; frame++) {
        uint8_t *to = line + frame * 32;
        for (int slot = 1; slot < 32; slot++) to[slot] = payload[frame * 32 + slot];
        to[0] = (uint8_t)((frame & 1 ? 0x5F : 0x1B) | first[frame % 16] << 7);
        if (frame % 2 == 0) to[0] |= (uint8_t)((check >> (3 - frame % 8 / 2) & 1) << 7);
        if (frame % 8 == 7) check = crc4(to - 7 * 32);
    }
    return check;
}

/* One whole end: a transmitter, and an aligned receiver. It looks for LOS and AIS in each double frame (G.775), at each
   signal of timeslot 0, checks CRC-4, counts, and hands the frames out. */
struct framer {
    unsigned sent, expected, zeros, los, ais;
};

size_t framer(const uint8_t *payload, size_t frames, uint8_t *line, uint8_t *out, struct framer *state) {
    size_t wrong = 0;
    state->sent = crc4_generate(payload, frames, line, state->sent);
    for (size_t frame = 0; frame < frames; frame += 2) {
        const uint8_t *from = line + frame * 32;
        unsigned ones = 0, longest = 0, zeros = state->zeros;
        for (int n = 0; n < 64; n++) {
            ones += ones_in[from[n]];
            zeros += zeros_before[from[n]];
            if (zeros > longest) longest = zeros;
            if (from[n]) zeros = zeros_after[from[n]];
        }
        state->zeros = zeros;
        state->los += longest >= 255;
        state->ais += 512 - ones <= 2;
    }
    for (size_t frame = 0; frame < frames; frame++) {
        const uint8_t *from = line + frame * 32;
        wrong += frame & 1 ? !(from[0] & 0x40) || from[0] & 0x20 : (from[0] & 0x7F) != 0x1B;
        if (frame % 16 < 12 && frame & 1) wrong += from[0] >> 7 != (0x34 >> frame % 16 / 2 & 1);
        if (frame % 8 == 7) {
            unsigned found = 0;
            for (int n = 0; n < 4; n++) found = found << 1 | from[(n * 2 - 7) * 32] >> 7;
            wrong += found != state->expected;
            state->expected = crc4(from - 7 * 32);
        }
        for (int slot = 0; slot < 32; slot++) out[frame * 32 + slot] = from[slot];
    }
    return wrong + state->los + state->ais;
}

/* --- A-law: two parties into one, by the table of two samples */

void mix(const uint8_t *a, const uint8_t *b, size_t octets, const uint8_t *table, uint8_t *out) {
    for (size_t n = 0; n < octets; n++) out[n] = table[a[n] << 8 | b[n]];
}
