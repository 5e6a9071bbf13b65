/* What a vendor's CDI hooks do: find the root by the state on standard input and its bundle, then work in it.
 *
 *   vendor-hook create-symlinks --link TARGET::LINK ...
 *   vendor-hook update-ldcache --folder FOLDER
 *   vendor-hook hide --folder FOLDER
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static void die(const char *what) {
    perror(what);
    exit(3);
}

static void read_all(FILE *file, char *text, size_t size) {
    text[fread(text, 1, size - 1, file)] = 0;
}

/* The first string of this key behind `from`. */
static char *string_of(const char *from, const char *key) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", key);
    const char *at = strstr(from, quoted);
    if (!at || !(at = strchr(at + strlen(quoted), '"')))
        die(key);
    return strndup(at + 1, strcspn(at + 1, "\""));
}

static void enter_root(void) {
    static char state[65536], config[1 << 20];
    char path[4096];
    read_all(stdin, state, sizeof state);
    char *bundle = string_of(state, "bundle");
    snprintf(path, sizeof path, "%s/config.json", bundle);
    FILE *file = fopen(path, "r");
    if (!file)
        die(path);
    read_all(file, config, sizeof config);
    char *root = string_of(strstr(config, "\"root\""), "path");
    snprintf(path, sizeof path, "%s%s%s", *root == '/' ? "" : bundle, *root == '/' ? "" : "/", root);
    if (chdir(path))
        die(path);
}

static void link_all(int count, char **arguments) {
    for (int i = 0; i < count; i++) {
        if (!strcmp(arguments[i], "--link"))
            continue;
        char *at = strstr(arguments[i], "::");
        *at = 0;
        if (symlink(arguments[i], at + 3)) /* relative to the root */
            die(at + 3);
    }
}

static void write_cache(const char *folder) {
    if (chroot("."))
        die("chroot");
    DIR *listed = opendir(folder);
    FILE *cache = fopen("/etc/ld.so.cache", "w");
    if (!listed || !cache)
        die(folder);
    for (struct dirent *entry; (entry = readdir(listed));)
        if (strstr(entry->d_name, ".so"))
            fprintf(cache, "%s/%s\n", folder, entry->d_name);
    if (fclose(cache))
        die("ld.so.cache");
}

static void hide(const char *folder) {
    char path[4096];
    snprintf(path, sizeof path, "%s/word", folder + 1);
    if (mount("hidden", folder + 1, "tmpfs", 0, "mode=755"))
        die(folder);
    FILE *word = fopen(path, "w");
    if (!word || fputs("hidden\n", word) < 0 || fclose(word))
        die(path);
}

int main(int count, char **arguments) {
    if (count < 4)
        return 2;
    enter_root();
    if (!strcmp(arguments[1], "create-symlinks"))
        link_all(count - 2, arguments + 2);
    else if (!strcmp(arguments[1], "hide"))
        hide(arguments[3]);
    else
        write_cache(arguments[3]);
    return 0;
}
