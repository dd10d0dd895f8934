// SPDX-License-Identifier: MIT
//
// Prints the smallest step, in nanoseconds, that the guest's clock was seen to make.

#include <stdio.h>
#include <time.h>

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(void) {
    long long smallest = 1000000000;
    long long last = now();
    for (int step = 0; step < 100;) {
        long long next = now();
        if (next != last) {
            if (next - last < smallest)
                smallest = next - last;
            step++;
        }
        last = next;
    }
    printf("%lld\n", smallest);
}
