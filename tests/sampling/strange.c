/* Processes that look odd in /proc. Each says "ready" on standard output and then waits for standard input. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *title;
static size_t room;

static void say(const char *word)
{
    if (write(1, word, strlen(word)) < 0)
        _exit(2);
}

/* Each line of standard input becomes the title. */
static void *retitle(void *unused)
{
    char line[64];
    (void)unused;
    say("ready\n");
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        memset(title, 0, room);
        strncpy(title, line, room - 1);
        say("done\n");
    }
    exit(0);
}

/* For each line of standard input it works for 50 ms. */
static void *work(void *unused)
{
    char line[64];
    (void)unused;
    say("ready\n");
    while (fgets(line, sizeof line, stdin)) {
        for (clock_t end = clock() + CLOCKS_PER_SEC / 20; clock() < end;)
            ;
        say("done\n");
    }
    exit(0);
}

static void until_input_ends(void)
{
    char byte;
    while (read(0, &byte, 1) > 0)
        ;
}

static void *stay(void *unused)
{
    (void)unused;
    prctl(PR_SET_NAME, "survivor");
    say("ready\n");
    until_input_ends();
    exit(0);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc < 2)
        return 2;
    title = argv[0];
    room = argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0];
    size_t size = 32 << 20;
    memset(malloc(size), 1, size);

    if (!strcmp(argv[1], "vfork-grows")) {
        if (vfork() == 0) {
            char line[64];
            say("ready\n");
            while (read(0, line, sizeof line) > 0) {
                memset(malloc(8 << 20), 1, 8 << 20);
                say("done\n");
            }
            _exit(0);
        }
        wait(NULL);
    } else if (!strcmp(argv[1], "vfork")) {
        if (vfork() == 0) {
            say("ready\n");
            until_input_ends();
            _exit(0);
        }
        wait(NULL);
    } else if (!strcmp(argv[1], "named")) {
        prctl(PR_SET_NAME, argv[2]);
        say("ready\n");
        until_input_ends();
    } else if (!strcmp(argv[1], "leader-exits")) {
        pthread_create(&thread, NULL, stay, NULL);
        pthread_exit(NULL);
    } else if (!strcmp(argv[1], "retitles")) {
        retitle(NULL);
    } else if (!strcmp(argv[1], "works")) {
        work(NULL);
    } else if (!strcmp(argv[1], "thread-works")) {
        pthread_create(&thread, NULL, work, NULL);
        pthread_join(thread, NULL);
    } else if (!strcmp(argv[1], "thread-retitles")) {
        pthread_create(&thread, NULL, retitle, NULL);
        pthread_join(thread, NULL);
    }
    return 0;
}
