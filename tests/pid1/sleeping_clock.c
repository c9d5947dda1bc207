/* A clock that a test drives, for LD_PRELOAD: in every program that is started with it, the file
 * SLEEPING_CLOCK says how many nanoseconds the machine has slept in addition, and by how many
 * somebody has set the time of day forward (8 bytes each, as they lie in memory).
 *
 * As after a real sleep the time of day and the time since the start have gone on by that, and
 * CLOCK_MONOTONIC has not: nothing that waits on it is cut short. /proc/uptime tells the same.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const volatile int64_t *slept; /* and behind it what was set */

__attribute__((constructor)) static void find_clock(void)
{
    const char *path = getenv("SLEEPING_CLOCK");
    int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *found = mmap(NULL, 2 * sizeof *slept, PROT_READ, MAP_SHARED, file, 0);
    if (found != MAP_FAILED)
        slept = found;
    close(file);
}

static int counts_sleep(clockid_t id)
{
    return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_BOOTTIME;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int failed = (int)syscall(SYS_clock_gettime, id, now);
    if (!failed && slept && counts_sleep(id)) {
        int64_t total = now->tv_sec * SECOND + now->tv_nsec + slept[0];
        if (id != CLOCK_BOOTTIME)
            total += slept[1];
        now->tv_sec = total / SECOND;
        now->tv_nsec = total % SECOND;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec found;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &found))
        return -1;
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now)
{
    struct timespec found;
    if (clock_gettime(CLOCK_REALTIME, &found))
        return -1;
    if (now)
        *now = found.tv_sec;
    return found.tv_sec;
}

static int open_uptime(int flags)
{
    struct timespec now;
    int file = memfd_create("uptime", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    if (file < 0 || clock_gettime(CLOCK_BOOTTIME, &now))
        return -1;
    dprintf(file, "%lld.%02ld 0.00\n", (long long)now.tv_sec, now.tv_nsec / 10000000);
    lseek(file, 0, SEEK_SET);
    return file;
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
    }
    if (slept && strcmp(path, "/proc/uptime") == 0)
        return open_uptime(flags);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
