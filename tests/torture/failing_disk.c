/* Preloaded, it stands before the system calls by which SQLite writes a database, counts them, and fails some. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static long calls, first, last;
static int how; /* an errno; 0: write half of what was asked for */

void disk_fails(long from, long lasting, int error) {
    calls = 0, first = from, last = from + lasting, how = error;
}

long disk_calls(void) { return calls; }

static int fails(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0 || (path[size] = 0, !strstr(path, "runs.db"))) return 0;
    calls++;
    return calls >= first && calls < last;
}

#define WRITES(name)                                                        \
    ssize_t name(int fd, const void *data, size_t size, off_t at) {         \
        ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, #name); \
        if (!fails(fd)) return real(fd, data, size, at);                    \
        if (how == 0) return real(fd, data, size / 2, at);                  \
        errno = how;                                                        \
        return -1;                                                          \
    }

#define SYNCS(name)                                                         \
    int name(int fd) {                                                      \
        int (*real)(int) = dlsym(RTLD_NEXT, #name);                         \
        if (how == 0 || !fails(fd)) return real(fd);                        \
        errno = how;                                                        \
        return -1;                                                          \
    }

#define CUTS(name)                                                          \
    int name(int fd, off_t size) {                                          \
        int (*real)(int, off_t) = dlsym(RTLD_NEXT, #name);                  \
        if (how == 0 || !fails(fd)) return real(fd, size);                  \
        errno = how;                                                        \
        return -1;                                                          \
    }

WRITES(pwrite)
WRITES(pwrite64)
SYNCS(fsync)
SYNCS(fdatasync)
CUTS(ftruncate)
CUTS(ftruncate64)
