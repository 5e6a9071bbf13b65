/* Writes lines to stdout as fast as it can, as many bytes as its argument says; how long that took goes to stderr. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char block[64 * 1024];

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    long long left = argc > 1 ? atoll(argv[1]) : 0;
    double start = seconds();

    memset(block, 'x', sizeof block);
    for (size_t end = 63; end < sizeof block; end += 64)
        block[end] = '\n';
    while (left > 0) {
        ssize_t done = write(1, block, left < (long long)sizeof block ? (size_t)left : sizeof block);
        if (done < 0)
            return 1;
        left -= done;
    }
    fprintf(stderr, "%.6f\n", seconds() - start);
    return 0;
}
