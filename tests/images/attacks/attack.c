/* attack NAME [ARGUMENT]: tries one way out of a container, and prints the error it met or what it got hold of.

   Whatever is tried changes nothing should it succeed. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char *outcome(long result)
{
    return result < 0 ? strerrorname_np(errno) : "done";
}

/* System calls that no container needs, made so that the arguments do no harm. */
static int calls(const char *argument)
{
    struct timespec now;
    unsigned long clone_args[11] = {CLONE_NEWUSER};
    clock_gettime(CLOCK_REALTIME, &now);
#define TRY(name, ...) printf("%s %s\n", #name, outcome(syscall(SYS_##name, __VA_ARGS__)))
    TRY(acct, "/nonexistent");
    TRY(add_key, "user", "moorage-attack", "x", 1, KEY_SPEC_PROCESS_KEYRING);
    TRY(bpf, 0, 0, 0);
    TRY(clock_settime, CLOCK_REALTIME, &now);
    TRY(clone3, clone_args, sizeof clone_args);
    TRY(delete_module, "nonexistent", 0);
    TRY(finit_module, -1, "", 0);
    TRY(fsopen, "tmpfs", 0);
    TRY(init_module, 0, 0, "");
    TRY(io_uring_setup, 1, 0);
    TRY(kexec_load, 0, 0, 0, 0);
    TRY(keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 0);
    TRY(mount, "none", "/tmp", "tmpfs", 0, "");
    TRY(mount_setattr, AT_FDCWD, "/", 0, 0, 0);
    TRY(move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/tmp", 0);
    TRY(open_by_handle_at, AT_FDCWD, 0, 0);
    TRY(open_tree, AT_FDCWD, "/", 1);
    TRY(perf_event_open, 0, 0, -1, -1, 0);
    TRY(pivot_root, ".", ".");
    TRY(quotactl, 0, "/nonexistent", 0, 0);
    TRY(reboot, 0, 0, 0, 0);
    TRY(request_key, "user", "moorage-attack", 0, 0);
    TRY(setns, 0, 0);
    TRY(swapoff, "/nonexistent");
    TRY(swapon, "/nonexistent", 0);
    TRY(syslog, 3, 0, 0);
    TRY(umount2, "/proc/sys", 2);
    TRY(unshare, CLONE_NEWUSER);
    TRY(userfaultfd, 0);
    return 0;
}

/* clone(2) with each kind of new namespace. */
static int namespaces(const char *argument)
{
    static const int kinds[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID, CLONE_NEWNET,
                                CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        long pid = syscall(SYS_clone, kinds[i] | SIGCHLD, 0, 0, 0, 0);
        if (pid == 0)
            _exit(0);
        printf("%s\n", outcome(pid));
    }
    return 0;
}

/* Does a key of this description lie in a keyring that is the user's, whoever he is outside? */
static int key(const char *description)
{
    printf("%s\n", outcome(syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", description, 0)));
    printf("%s\n", outcome(syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", description, 0)));
    return 0;
}

/* A file handle made up for inode 2, the root folder of most file systems, on that of a file bound from the host. */
static int handle(const char *bound)
{
    struct {
        struct file_handle head;
        unsigned int inode, generation;
    } guess = {{8, 1}, 2, 0};
    int fd = open(bound, O_RDONLY);
    long root = syscall(SYS_open_by_handle_at, fd, &guess, O_RDONLY | O_DIRECTORY);
    printf("%s\n", outcome(root));
    return 0;
}

/* The classic way out of chroot(2), against pivot_root(2). */
static int change_root(const char *argument)
{
    struct stat before, after;
    int here = open(".", O_RDONLY | O_DIRECTORY);
    stat("/", &before);
    mkdir("/tmp/deeper", 0700);
    if (chroot("/tmp/deeper") < 0)
        return printf("%s\n", outcome(-1)) < 0;
    fchdir(here);
    for (int i = 0; i < 100; i++)
        chdir("..");
    chroot(".");
    stat("/", &after);
    printf("%s\n", before.st_dev == after.st_dev && before.st_ino == after.st_ino ? "where it was" : "out");
    return 0;
}

/* An abstract socket of this name. */
static int abstract_socket(const char *name)
{
    struct sockaddr_un address = {AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
    printf("%s\n", outcome(connect(fd, (void *)&address, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))));
    return 0;
}

/* A segment of shared memory with this key. */
static int shared_memory(const char *number)
{
    printf("%s\n", outcome(shmget(strtol(number, 0, 0), 0, 0)));
    return 0;
}

/* Ids that are nobody's inside. */
static int ids(const char *argument)
{
    printf("%s\n", outcome(setresgid(65536, 65536, 65536)));
    printf("%s\n", outcome(setresuid(65536, 65536, 65536)));
    close(open("/tmp/mine", O_CREAT | O_WRONLY, 0600));
    printf("%s\n", outcome(chown("/tmp/mine", 65536, 65536)));
    return 0;
}

static int effective_ids(const char *argument)
{
    printf("%d %d\n", geteuid(), getegid());
    return 0;
}

/* Send SIGKILL to all it may. */
static int kill_all(const char *argument)
{
    printf("%s\n", outcome(kill(-1, SIGKILL)));
    return 0;
}

/* Fork and open until the kernel says no, and end what was begun. */
static int exhaust(const char *argument)
{
    int forks = 0, descriptors = 0;
    pid_t pid;
    while (descriptors < 1000000 && open("/dev/null", O_RDONLY) >= 0)
        descriptors++;
    printf("descriptors %s %d\n", outcome(-1), descriptors);
    while (forks < 100000 && (pid = fork()) >= 0) {
        if (pid == 0) {
            pause();
            _exit(0);
        }
        forks++;
    }
    printf("processes %s %d\n", outcome(-1), forks);
    fflush(stdout);
    kill(-1, SIGKILL);
    return 0;
}

/* Whether process `pid`, just born, gave away a descriptor of more than its program's, or let itself be traced. */
static int is_caught(const char *pid)
{
    char path[300], target[300];
    struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *folder = opendir(path);
    if (folder) {
        while ((entry = readdir(folder))) {
            snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, entry->d_name);
            ssize_t length = readlink(path, target, sizeof target - 1);
            if (atoi(entry->d_name) > 2 && length > 0) {
                target[length] = 0;
                printf("descriptor %s\n", target);
                return 1;
            }
        }
        closedir(folder);
    }
    snprintf(path, sizeof path, "/proc/%s/exe", pid);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length > 0 && memmem(target, length, "python", 6)) {
        printf("program of the engine\n");
        return 1;
    }
    return 0;
}

/* Look again and again for processes that another container has in the same pid namespace, `seconds` long. */
static int race(const char *seconds)
{
    time_t end = time(0) + atoi(seconds);
    char first[20], own[20];
    snprintf(own, sizeof own, "%d", getpid());
    printf("racing\n");
    fflush(stdout);
    while (time(0) <= end) {
        DIR *all = opendir("/proc");
        struct dirent *entry;
        while ((entry = readdir(all))) {
            snprintf(first, sizeof first, "%.19s", entry->d_name);
            if (first[0] < '1' || first[0] > '9' || !strcmp(first, own) || !strcmp(first, "1"))
                continue;
            for (int i = 0; i < 200; i++)
                if (is_caught(first))
                    return 0;
        }
        closedir(all);
    }
    printf("caught nothing\n");
    return 0;
}

static const struct {
    const char *name;
    int (*attempt)(const char *argument);
} attacks[] = {
    {"abstract_socket", abstract_socket},
    {"calls", calls},
    {"change_root", change_root},
    {"effective_ids", effective_ids},
    {"exhaust", exhaust},
    {"handle", handle},
    {"ids", ids},
    {"key", key},
    {"kill_all", kill_all},
    {"namespaces", namespaces},
    {"race", race},
    {"shared_memory", shared_memory},
};

int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IOLBF, 0);
    for (size_t i = 0; argc > 1 && i < sizeof attacks / sizeof *attacks; i++)
        if (!strcmp(argv[1], attacks[i].name))
            return attacks[i].attempt(argc > 2 ? argv[2] : "");
    fprintf(stderr, "attack: there is none of this name\n");
    return 2;
}
