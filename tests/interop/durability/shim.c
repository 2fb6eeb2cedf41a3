/*
 * A disk that fails on command: preloaded into the server, it counts what is written to the files whose paths begin with
 * TANDEM_FAULT_FILES, and fails the n-th write or the n-th sync as the control file says (TANDEM_FAULT_CONTROL, shared
 * memory of the struct below; the test writes it while the server runs).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { NOTHING, IO_ERROR, FULL, SHORT, SYNC_FAILS, SYNC_FAILS_AND_LOSES, SYNC_LOSES };

struct control {
    uint64_t kind;   /* what fails */
    uint64_t from;   /* the first that fails, counted from 1 */
    uint64_t times;  /* how many fail, one after another */
    uint64_t lies;   /* syncs do nothing and say that they did */
    uint64_t writes; /* counted since the test set it to 0: write, pwrite, ftruncate */
    uint64_t syncs;  /* counted likewise: fsync, fdatasync */
    uint64_t failed; /* how many failed */
};

/* What a write covered, until a sync of its file made it durable. */
struct undo {
    struct undo *before;
    dev_t device;
    ino_t inode;
    off_t size;
    off_t at;
    size_t length;
    char bytes[];
};

static struct control *control;
static const char *files;
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static struct undo *undos;
/* A short write was answered: what its caller writes next there fails, so that the torn one stays. */
static int torn = -1;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);

__attribute__((constructor)) static void begin(void)
{
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    files = getenv("TANDEM_FAULT_FILES");
    const char *path = getenv("TANDEM_FAULT_CONTROL");
    int fd = path && files ? open(path, O_RDWR) : -1;
    if (fd < 0) {
        fprintf(stderr, "the shim has no control file\n");
        exit(97);
    }
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED)
        exit(97);
    close(fd);
}

static int watched(int fd)
{
    char link[64], path[4096];
    if (!control)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, files, strlen(files)) == 0;
}

static int is_sync(uint64_t kind) { return kind >= SYNC_FAILS; }

static int loses(uint64_t kind) { return kind >= SYNC_FAILS_AND_LOSES; }

/* Counts one call; answers how it fails. */
static enum kind fate(uint64_t *counter, int sync)
{
    uint64_t n = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
    uint64_t kind = control->kind, from = control->from;
    if (kind == NOTHING || is_sync(kind) != sync || n < from || n >= from + control->times)
        return NOTHING;
    __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
    return kind;
}

static void remember(int fd, off_t at, size_t length)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0 || !loses(control->kind))
        return;
    struct undo *undo = malloc(sizeof *undo + length);
    if (!undo)
        abort();
    ssize_t held = pread(fd, undo->bytes, length, at);
    *undo = (struct undo){ undos, stat.st_dev, stat.st_ino, stat.st_size, at, held > 0 ? held : 0 };
    undos = undo;
}

/* Takes the file's writes since its last sync off the list, newest first, and takes them back if they are lost. */
static void settle(int fd, int lost)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return;
    for (struct undo **at = &undos; *at;) {
        struct undo *undo = *at;
        if (undo->device != stat.st_dev || undo->inode != stat.st_ino) {
            at = &undo->before;
            continue;
        }
        if (lost) {
            if (real_pwrite(fd, undo->bytes, undo->length, undo->at) != (ssize_t)undo->length || real_ftruncate(fd, undo->size) != 0)
                abort();
        }
        *at = undo->before;
        free(undo);
    }
}

static ssize_t fail(int error)
{
    errno = error;
    return -1;
}

static ssize_t put(int fd, const void *bytes, size_t length, off_t at, int moves)
{
    pthread_mutex_lock(&one);
    enum kind kind = fate(&control->writes, 0);
    ssize_t done;
    if (torn == fd) {
        torn = -1;
        done = fail(ENOSPC);
    } else if (kind == IO_ERROR) {
        done = fail(EIO);
    } else if (kind == FULL || (kind == SHORT && length < 2)) {
        done = fail(ENOSPC);
    } else {
        if (kind == SHORT) {
            length /= 2;
            torn = fd;
        }
        remember(fd, at, length);
        done = moves ? real_write(fd, bytes, length) : real_pwrite(fd, bytes, length, at);
    }
    int error = errno;
    pthread_mutex_unlock(&one);
    errno = error;
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    if (!watched(fd))
        return real_write(fd, bytes, length);
    return put(fd, bytes, length, lseek(fd, 0, SEEK_CUR), 1);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at)
{
    return watched(fd) ? put(fd, bytes, length, at, 0) : real_pwrite(fd, bytes, length, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

int ftruncate64(int fd, off_t size)
{
    if (!watched(fd))
        return real_ftruncate(fd, size);
    switch (fate(&control->writes, 0)) {
    case IO_ERROR:
        return (int)fail(EIO);
    case FULL:
    case SHORT:
        return (int)fail(ENOSPC);
    default:
        return real_ftruncate(fd, size);
    }
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int settled(int fd, int (*real)(int))
{
    if (!watched(fd))
        return real(fd);
    pthread_mutex_lock(&one);
    enum kind kind = fate(&control->syncs, 1);
    settle(fd, loses(kind));
    pthread_mutex_unlock(&one);
    if (kind == SYNC_LOSES)
        return 0;
    if (kind != NOTHING)
        return (int)fail(EIO);
    return control->lies ? 0 : real(fd);
}

int fsync(int fd) { return settled(fd, real_fsync); }

int fdatasync(int fd) { return settled(fd, real_fdatasync); }
