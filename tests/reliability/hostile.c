/* Processes that mean harm to whoever looks at them. Each program ends by itself after two minutes.

   stays            does nothing
   retitles COUNT   that many children, each with a new title five times a second, over all of the arguments
   storms COUNT     forks that many children, a hundred at a time, of which each works a little and ends

   Children end with their parent. An alarm is not inherited, so each of them sets its own.
*/
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void rest(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static void retitle_for_ever(char *title, size_t room)
{
    srandom(getpid());
    for (;;) {
        title[sprintf(title, "app %d-%ld ", getpid(), random())] = '.';
        for (size_t at = 4096; at < room; at += 4096)
            title[at] = random();
        rest(200);
    }
}

static void work_a_little(void)
{
    volatile unsigned work = 0;
    while (work < 50000)
        work++;
    rest(10);
}

int main(int argc, char **argv)
{
    char *title = argv[0];
    size_t room = argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0];
    int count = argc > 2 ? atoi(argv[2]) : 0;
    int storms = !strcmp(argv[1], "storms");

    pid_t parent = getpid();
    alarm(120);
    for (int forked = 0, alive = 0; forked < count; forked++, alive++) {
        if (storms && alive == 100) {
            wait(NULL);
            alive--;
        }
        pid_t pid = fork();
        if (pid < 0)
            return 1;
        if (pid == 0) {
            alarm(120);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            /* No signal comes for a parent that ended before it was asked for. */
            if (getppid() != parent)
                _exit(1);
            if (!storms)
                retitle_for_ever(title, room);
            work_a_little();
            _exit(0);
        }
    }
    if (storms) {
        while (wait(NULL) > 0)
            ;
        return 0;
    }
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
