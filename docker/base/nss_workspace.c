/* libnss_workspace.so.2: gives the image's user's name to whoever runs the container.
 *
 * A platform may start a container as a uid that the image cannot know, such as 12345. Without an
 * entry in passwd there is no ssh in either direction, and no home. This module answers with the
 * entry of dev8, but the uid and gid of the process that asks; docs/decisions/arbitrary-uid.md says
 * why it is no list that somebody writes. It reads /etc/passwd alone, it speaks of nobody but the
 * asking process itself, and it is silent for root, in set-user-id programs, and where /etc/passwd
 * knows the uid.
 */
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define IMAGE_USER "dev8"

typedef int (*condition)(const struct passwd *);

static int is_image_user(const struct passwd *entry)
{
    return strcmp(entry->pw_name, IMAGE_USER) == 0;
}

/* Tell whether the entry is ours. Podman and CRI-O add one that is named for the uid, with / as its
 * home and perhaps no shell: that one does not count. */
static int is_own(const struct passwd *entry)
{
    char digits[16];

    snprintf(digits, sizeof digits, "%u", (unsigned)entry->pw_uid);
    return entry->pw_uid == geteuid() && strcmp(entry->pw_name, digits) != 0;
}

/* Read the first entry of /etc/passwd that fulfils the condition. */
static enum nss_status find_entry(condition holds, struct passwd *entry, char *buffer, size_t size,
                                  int *error)
{
    FILE *file = fopen("/etc/passwd", "re");
    struct passwd *found = NULL;
    int result;

    if (file == NULL) {
        *error = errno;
        return NSS_STATUS_UNAVAIL;
    }
    do {
        result = fgetpwent_r(file, entry, buffer, size, &found);
    } while (result == 0 && !holds(entry));
    fclose(file);
    *error = result;
    if (result == 0)
        return NSS_STATUS_SUCCESS;
    return result == ERANGE ? NSS_STATUS_TRYAGAIN : NSS_STATUS_NOTFOUND;
}

static enum nss_status describe_caller(struct passwd *entry, char *buffer, size_t size, int *error)
{
    enum nss_status status;

    *error = ENOENT;
    if (geteuid() == 0 || getauxval(AT_SECURE) != 0)
        return NSS_STATUS_NOTFOUND;
    status = find_entry(is_own, entry, buffer, size, error);
    if (status == NSS_STATUS_SUCCESS) {
        *error = ENOENT;
        return NSS_STATUS_NOTFOUND;
    }
    if (status != NSS_STATUS_NOTFOUND)
        return status;
    status = find_entry(is_image_user, entry, buffer, size, error);
    if (status == NSS_STATUS_SUCCESS) {
        entry->pw_uid = geteuid();
        entry->pw_gid = getegid();
    }
    return status;
}

/* The two entry points that glibc looks for; its manual describes them under "NSS Modules Interface":
 * https://sourceware.org/glibc/manual/latest/html_node/NSS-Modules-Interface.html */

enum nss_status _nss_workspace_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
                                          size_t size, int *error)
{
    if (strcmp(name, IMAGE_USER) != 0) {
        *error = ENOENT;
        return NSS_STATUS_NOTFOUND;
    }
    return describe_caller(entry, buffer, size, error);
}

enum nss_status _nss_workspace_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size,
                                          int *error)
{
    if (uid != geteuid()) {
        *error = ENOENT;
        return NSS_STATUS_NOTFOUND;
    }
    return describe_caller(entry, buffer, size, error);
}
