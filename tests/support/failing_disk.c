/* A disk that breaks, for a process that is started with this in LD_PRELOAD: writes and syncs of files below
 * $FAILING_BELOW fail with errno $FAILING_ERRNO at the $FAILING_AT-th one, and at all after it with $FAILING_ON=1.
 * With errno 0 the process is killed there, half of what it wrote on disk.
 * The number of those seen is left in $FAILING_SEEN, if that is named. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static long seen = 0;

static int breaks(int fd) {
    const char *below = getenv("FAILING_BELOW"), *at = getenv("FAILING_AT"), *on = getenv("FAILING_ON");
    char link[64], path[4096];
    if (!below || !at) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    if (strncmp(path, below, strlen(below))) return 0;
    long number = __sync_add_and_fetch(&seen, 1), first = atol(at);
    if (number < first || (number > first && !(on && *on == '1'))) return 0;
    errno = atoi(getenv("FAILING_ERRNO"));
    return 1;
}

__attribute__((destructor)) static void tell(void) {
    const char *path = getenv("FAILING_SEEN");
    if (!path) return;
    FILE *file = fopen(path, "w");
    if (!file) return;
    fprintf(file, "%ld", seen);
    fclose(file);
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static int fails(void) {
    if (errno == 0) kill(getpid(), SIGKILL);
    return -1;
}

ssize_t write(int fd, const void *data, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = REAL(ssize_t, "write", int, const void *, size_t);
    if (!breaks(fd)) return real(fd, data, size);
    if (errno == 0 && real(fd, data, size / 2) >= 0) errno = 0;
    return fails();
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    ssize_t (*real)(int, const void *, size_t, off_t) = REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    if (!breaks(fd)) return real(fd, data, size, at);
    if (errno == 0 && real(fd, data, size / 2, at) >= 0) errno = 0;
    return fails();
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    ssize_t (*real)(int, const void *, size_t, off64_t) =
        REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    if (!breaks(fd)) return real(fd, data, size, at);
    if (errno == 0 && real(fd, data, size / 2, at) >= 0) errno = 0;
    return fails();
}
int fsync(int fd) { return breaks(fd) ? fails() : REAL(int, "fsync", int)(fd); }
int fdatasync(int fd) { return breaks(fd) ? fails() : REAL(int, "fdatasync", int)(fd); }
int ftruncate64(int fd, off64_t size) {
    return breaks(fd) ? fails() : REAL(int, "ftruncate64", int, off64_t)(fd, size);
}
