/* Keeps the host swapping: fifty times a second it pushes 256 KiB of its memory out to swap and reads them back, until
 * its standard input is closed. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define SIZE (16 << 20)
#define PIECE (256 << 10)

int main(void) {
    unsigned char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    for (int i = 0; i < SIZE; i++)
        memory[i] = random();
    struct pollfd input = {0, POLLIN, 0};
    for (int at = 0; poll(&input, 1, 20) == 0; at = (at + PIECE) % SIZE) {
        if (madvise(memory + at, PIECE, MADV_PAGEOUT))
            return 1;
        for (int i = 0; i < PIECE; i += 4096)
            memory[at + i]++;
    }
    return 0;
}
