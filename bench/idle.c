/* Idle processes to measure: `idle PROCESSES NAMES` keeps PROCESSES of them, with NAMES different names.
 *
 * Commands on standard input, each answered with a line when it is done:
 *   run K      K processes run for a moment
 *   replace K  the K oldest processes end, and as many start
 *   push K     the private memory of K processes is pushed out to swap
 * Each process has OWN bytes of private memory. All end when this program ends. At the end of its input it also waits
 * for them: otherwise they stay zombies, which the next measurement would read, because the first process of the pid
 * namespace does not wait for them. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define OWN (32 << 10)

static int names, started;
static unsigned char *own;

static void work(int signal) {
    (void)signal;
    for (volatile int i = 0; i < 5000; i++)
        ;
}

/* The name is set before fork, so a child never has another one. */
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
    for (int i = 0; i < OWN; i++)
        own[i] = random();
    for (;;)
        pause();
}

/* process_madvise with MADV_PAGEOUT: Linux 5.10. */
static void push_out(pid_t pid) {
    struct iovec memory = {own, OWN};
    int pidfd = syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0 || syscall(SYS_process_madvise, pidfd, &memory, 1, MADV_PAGEOUT, 0) < 0) {
        perror("process_madvise");
        exit(1);
    }
    close(pidfd);
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    int processes = atoi(argv[1]), oldest = 0, count;
    names = atoi(argv[2]);
    signal(SIGUSR1, work);
    own = mmap(NULL, OWN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (own == MAP_FAILED)
        return 1;
    pid_t *pids = calloc(processes, sizeof *pids);
    for (int i = 0; i < processes; i++)
        pids[i] = start();
    prctl(PR_SET_NAME, "benchmark");
    char line[64];
    do {
        puts("done");
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin))
            break;
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
        } else if (sscanf(line, "push %d", &count) == 1) {
            for (int i = 0; i < count && i < processes; i++)
                push_out(pids[i]);
        }
    } while (1);
    for (int i = 0; i < processes; i++)
        kill(pids[i], SIGKILL);
    for (int i = 0; i < processes; i++)
        waitpid(pids[i], NULL, 0);
    return 0;
}
