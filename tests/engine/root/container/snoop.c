/* From inside a container, tries to get hold of every process that is on its way to a program, until it is told to end.

Prints: how many such processes were seen, how many could be traced, had memory or an executable that could be opened,
how many executables could be opened for writing, the capabilities any of them had, and the least seccomp mode. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;
static int seen, traced, memory, executable, written, seccomp = 2;
static unsigned long long capabilities;
static struct stat own, busybox;

static void end(int number) { is_over = number; }

static int is_of_the_container(int fd)
{
    struct stat found;
    if (fstat(fd, &found))
        return 1;
    return (found.st_ino == own.st_ino && found.st_dev == own.st_dev) ||
           (found.st_ino == busybox.st_ino && found.st_dev == busybox.st_dev);
}

static int open_of(const char *pid, const char *name, int flags)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
    return open(path, flags | O_CLOEXEC);
}

static void read_status(const char *pid)
{
    char text[8192], *line;
    int fd = open_of(pid, "status", O_RDONLY);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0)
        return;
    text[length] = 0;
    if (strncmp(text, "Name:\tmoorage", 13))
        return;
    seen++;
    for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (!strncmp(line, "CapPrm:", 7) || !strncmp(line, "CapEff:", 7) || !strncmp(line, "CapBnd:", 7))
            capabilities |= strtoull(line + 7, NULL, 16);
        if (!strncmp(line, "Seccomp:", 8) && atoi(line + 8) < seccomp)
            seccomp = atoi(line + 8);
    }
}

static void try(const char *pid)
{
    char path[64];
    int fd, again;
    read_status(pid);
    fd = open_of(pid, "exe", O_PATH);
    if (fd >= 0 && !is_of_the_container(fd)) {
        executable++;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        again = open(path, O_WRONLY | O_CLOEXEC);
        written += again >= 0;
        close(again);
    }
    close(fd);
    if (!ptrace(PTRACE_SEIZE, atoi(pid), 0, 0)) {
        fd = open_of(pid, "exe", O_PATH);
        traced += fd >= 0 && !is_of_the_container(fd);
        close(fd);
        ptrace(PTRACE_INTERRUPT, atoi(pid), 0, 0);
        waitpid(atoi(pid), NULL, __WALL);
        ptrace(PTRACE_DETACH, atoi(pid), 0, 0);
    }
    fd = open_of(pid, "mem", O_RDWR);
    if (fd >= 0) {
        again = open_of(pid, "exe", O_PATH);
        memory += again >= 0 && !is_of_the_container(again);
        close(again);
    }
    close(fd);
}

int main(void)
{
    char self[16];
    struct dirent *entry;
    signal(SIGTERM, end);
    stat("/proc/self/exe", &own);
    stat("/bin/busybox", &busybox);
    snprintf(self, sizeof self, "%d", getpid());
    while (!is_over) {
        DIR *folder = opendir("/proc");
        while ((entry = readdir(folder)))
            if (entry->d_name[0] > '0' && entry->d_name[0] <= '9' && strcmp(entry->d_name, self))
                try(entry->d_name);
        closedir(folder);
    }
    printf("%d %d %d %d %d %llx %d\n", seen, traced, memory, executable, written, capabilities, seccomp);
    return 0;
}
