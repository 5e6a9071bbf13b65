/*
 * What a start costs without an interpreter: makes the system calls that `floor_calls.py` lists, one after another, some
 * in this process and the rest in a child that shares its memory and ends with execve. Prints when the first call was
 * made (CLOCK_MONOTONIC, ns), and what the program printed.
 *
 * Arguments: the file with the list. A line is `<number> <may fail> <argument> ...`, separated by tabs, an argument one of
 *   i<number>   s<text>   x<bytes in hexadecimal>
 *   r<line>     what the call of that line, counted from 0, returned (+1: the second descriptor of pipe2)
 *   b           a buffer for what is read
 *   f<file>     a struct sock_fprog of the program in the file
 * The line `clone <flags> <group's r<line>>` is where the child begins. Everything is read and ready before the clock runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CALLS = 1024, MOST_ARGUMENTS = 6, BUFFER = 65536 };

struct call {
    long number;
    int may_fail;
    long arguments[MOST_ARGUMENTS];
    int from[MOST_ARGUMENTS]; /* the line whose result the argument is, -1 for none */
};

static struct call calls[MOST_CALLS];
static long results[MOST_CALLS + 1];
static char buffer[BUFFER];
static int count, child_begins = -1;
static uint64_t clone_flags;
static int group_from;

static void fail(int line, const char *why)
{
    fprintf(stderr, "floor: line %d: %s\n", line, why);
    _exit(1);
}

static long read_bytes(const char *text)
{
    size_t length = strlen(text) / 2;
    unsigned char *bytes = calloc(1, length + 1);

    for (size_t at = 0; at < length; at++)
        sscanf(text + 2 * at, "%2hhx", &bytes[at]);
    return (long)bytes;
}

static long read_filter(const char *path)
{
    struct sock_fprog *program = calloc(1, sizeof *program);
    char *code = malloc(BUFFER);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, code, BUFFER);

    if (size <= 0)
        fail(-1, path);
    close(fd);
    program->len = size / sizeof(struct sock_filter);
    program->filter = (struct sock_filter *)code;
    return (long)program;
}

static void read_argument(struct call *call, int at, const char *text)
{
    call->from[at] = -1;
    switch (*text++) {
    case 'i': call->arguments[at] = strtol(text, NULL, 0); break;
    case 's': call->arguments[at] = (long)strdup(text); break;
    case 'x': call->arguments[at] = read_bytes(text); break;
    case 'r': call->from[at] = atoi(text); break;
    case 'b': call->arguments[at] = (long)buffer; break;
    case 'f': call->arguments[at] = read_filter(text); break;
    default: fail(count, "no such kind of argument");
    }
}

static void read_line(char *line)
{
    struct call *call = &calls[count];
    char *field = strsep(&line, "\t");

    if (strcmp(field, "clone") == 0) {
        child_begins = count;
        clone_flags = strtoull(strsep(&line, "\t"), NULL, 0);
        group_from = line ? atoi(line + 1) : -1;
        return;
    }
    call->number = atol(field);
    call->may_fail = atoi(strsep(&line, "\t"));
    for (int at = 0; line && at < MOST_ARGUMENTS; at++)
        read_argument(call, at, strsep(&line, "\t"));
    for (int at = 0; at < MOST_ARGUMENTS; at++)
        if (!call->arguments[at] && !call->from[at])
            call->from[at] = -1;
    count++;
}

static void read_list(const char *path)
{
    FILE *list = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    while (list && (length = getline(&line, &size, list)) > 0 && count < MOST_CALLS) {
        line[length - 1] = 0;
        read_line(line);
    }
    if (child_begins < 0)
        fail(count, "no child begins anywhere");
    fclose(list);
}

static void make(int first, int end)
{
    for (int line = first; line < end; line++) {
        struct call *call = &calls[line];
        long *given = call->arguments;

        for (int at = 0; at < MOST_ARGUMENTS; at++)
            if (call->from[at] >= 0)
                given[at] = results[call->from[at]];
        long result = syscall(call->number, given[0], given[1], given[2], given[3], given[4], given[5]);
        if (result < 0 && !call->may_fail)
            fail(line, strerror(errno));
        if (call->number == SYS_pipe2) {
            results[line] = ((int *)buffer)[0];
            results[line + 1] = ((int *)buffer)[1];
            line++; /* the list leaves a line free for the second */
        } else {
            results[line] = result;
        }
    }
}

/* clone3 without a function around it: the child goes on with the caller's stack, as after vfork(2). */
static inline __attribute__((always_inline)) long clone_sharing(struct clone_args *arguments)
{
    long result;
#ifdef __x86_64__
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"((long)SYS_clone3), "D"(arguments), "S"(sizeof *arguments)
                     : "rcx", "r11", "memory");
#else
#error "the list of calls is x86_64's"
#endif
    return result;
}

int main(int argc, char **argv)
{
    static struct clone_args arguments;
    static struct timespec began;
    static int pidfd;

    if (argc != 2)
        return 2;
    read_list(argv[1]);
    memset(buffer, 1, sizeof buffer);
    clock_gettime(CLOCK_MONOTONIC, &began);
    make(0, child_begins);
    arguments.flags = clone_flags;
    arguments.pidfd = (uint64_t)&pidfd;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = group_from < 0 ? 0 : (uint64_t)results[group_from];
    long pid = clone_sharing(&arguments);
    if (pid == 0) {
        make(child_begins, count); /* the last is execve */
        _exit(127);
    }
    if (pid < 0)
        fail(child_begins, "clone3");
    int status;
    waitpid(pid, &status, __WALL);
    printf("%lld\n", (long long)began.tv_sec * 1000000000 + began.tv_nsec);
    return status != 0;
}
