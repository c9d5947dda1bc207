/* For LD_PRELOAD: whoever would wait for a second in poll(2) waits until something is readable.
 *
 * supervisord does so between two looks at its services: with this it starts and stops them only
 * when somebody wakes it. No signal does: Python would wait on for the rest of the second.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int poll(struct pollfd *files, nfds_t count, int milliseconds)
{
    struct timespec { long seconds, nanoseconds; } time;
    if (milliseconds == 1000) {
        int found;
        do
            found = (int)syscall(SYS_ppoll, files, count, NULL, NULL, 0);
        while (found < 0 && errno == EINTR);
        return found;
    }
    if (milliseconds < 0)
        return (int)syscall(SYS_ppoll, files, count, NULL, NULL, 0);
    time.seconds = milliseconds / 1000;
    time.nanoseconds = milliseconds % 1000 * 1000000L;
    return (int)syscall(SYS_ppoll, files, count, &time, NULL, 0);
}

int __poll_chk(struct pollfd *files, nfds_t count, int milliseconds, size_t size)
{
    (void)size;
    return poll(files, count, milliseconds);
}
