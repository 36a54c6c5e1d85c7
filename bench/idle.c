/* Idle processes to be watched: `idle PROCESSES NAMES` keeps PROCESSES of them under NAMES names.
 *
 * Commands on standard input, each answered with a line when it is done:
 *   run K      K of the processes run for a moment
 *   replace K  the K oldest end, and as many start
 * All end with the end of this program. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int names, started;

static void work(int signal) {
    (void)signal;
    for (volatile int i = 0; i < 5000; i++)
        ;
}

/* The name is set before fork: nobody ever sees a child without it. */
static pid_t start(void) {
    char name[32];
    snprintf(name, sizeof name, "bench-%d", started++ % names);
    prctl(PR_SET_NAME, name);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(1);
    }
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    for (;;)
        pause();
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    int processes = atoi(argv[1]), oldest = 0, count;
    names = atoi(argv[2]);
    signal(SIGUSR1, work);
    pid_t *pids = calloc(processes, sizeof *pids);
    for (int i = 0; i < processes; i++)
        pids[i] = start();
    prctl(PR_SET_NAME, "benchmark");
    char line[64];
    do {
        puts("done");
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin))
            return 0;
        if (sscanf(line, "run %d", &count) == 1) {
            for (int i = 0; i < count && i < processes; i++)
                kill(pids[i], SIGUSR1);
        } else if (sscanf(line, "replace %d", &count) == 1) {
            for (int i = 0; i < count; i++, oldest = (oldest + 1) % processes) {
                kill(pids[oldest], SIGKILL);
                waitpid(pids[oldest], NULL, 0);
                pids[oldest] = start();
            }
            prctl(PR_SET_NAME, "benchmark");
        }
    } while (1);
}
