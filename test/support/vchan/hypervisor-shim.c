/*
 * Stands in for the libraries through which libxenvchan shares memory and sends events between domains (libxengnttab,
 * libxenevtchn), so that the real libxenvchan connects processes on a machine without Xen. All of it is files in the
 * folder that JITSU_TEST_VCHAN names: a shared page is a file, and a port is a pipe that is written to for an event.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, LAST = 100000, SHARED_PAGES = 64 };

static void path_of(char *path, size_t size, const char *kind, uint32_t number) {
  const char *folder = getenv("JITSU_TEST_VCHAN");
  if (folder == NULL) {
    fputs("JITSU_TEST_VCHAN is not set\n", stderr);
    abort();
  }
  snprintf(path, size, "%s/%s-%u", folder, kind, number);
}

/* libxengnttab. Who ends a mapping has the byte cleared by which the other side sees that it has gone. */

struct shared_page {
  char *address;
  uint32_t reference;
  uint32_t notify_offset;
};

/* Both ends of a channel may be threads of one process. */
static struct shared_page pages[SHARED_PAGES];
static pthread_mutex_t pages_lock = PTHREAD_MUTEX_INITIALIZER;

static char *map(const char *path, int flags, uint32_t reference, uint32_t notify_offset) {
  int fd = open(path, flags | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return NULL;
  if ((flags & O_CREAT) != 0 && ftruncate(fd, PAGE) != 0) abort();
  char *address = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (address == MAP_FAILED) return NULL;
  pthread_mutex_lock(&pages_lock);
  for (int index = 0; index < SHARED_PAGES; index++) {
    if (pages[index].address != NULL) continue;
    pages[index] = (struct shared_page){address, reference, notify_offset};
    pthread_mutex_unlock(&pages_lock);
    return address;
  }
  fputs("too many pages are shared at once\n", stderr);
  abort();
}

static uint32_t unmap(void *address) {
  pthread_mutex_lock(&pages_lock);
  for (int index = 0; index < SHARED_PAGES; index++) {
    if (pages[index].address != address) continue;
    uint32_t reference = pages[index].reference;
    pages[index].address[pages[index].notify_offset] = 0;
    /* Before its place is free: another thread may be given the same address anew. */
    munmap(address, PAGE);
    pages[index].address = NULL;
    pthread_mutex_unlock(&pages_lock);
    return reference;
  }
  fputs("a page is given back that nobody shares\n", stderr);
  abort();
}

static char handle;

void *xengntshr_open(void *logger, unsigned flags) {
  (void)logger, (void)flags;
  return &handle;
}

int xengntshr_close(void *grants) {
  (void)grants;
  return 0;
}

void *xengntshr_share_page_notify(void *grants, uint32_t domain_id, uint32_t *reference, int writable,
                                  uint32_t notify_offset, uint32_t notify_port) {
  (void)grants, (void)domain_id, (void)writable, (void)notify_port;
  for (uint32_t number = 1; number < LAST; number++) {
    char path[512];
    path_of(path, sizeof path, "page", number);
    char *address = map(path, O_CREAT | O_EXCL, number, notify_offset);
    if (address == NULL) continue;
    *reference = number;
    return address;
  }
  return NULL;
}

void *xengntshr_share_pages(void *grants, uint32_t domain_id, int count, uint32_t *references, int writable) {
  (void)grants, (void)domain_id, (void)count, (void)references, (void)writable;
  errno = ENOSYS;
  return NULL;
}

int xengntshr_unshare(void *grants, void *address, uint32_t count) {
  char path[512];
  (void)grants, (void)count;
  path_of(path, sizeof path, "page", unmap(address));
  return unlink(path);
}

void *xengnttab_open(void *logger, unsigned flags) {
  (void)logger, (void)flags;
  return &handle;
}

int xengnttab_close(void *grants) {
  (void)grants;
  return 0;
}

void *xengnttab_map_grant_ref_notify(void *grants, uint32_t domain_id, uint32_t reference, int protection,
                                     uint32_t notify_offset, uint32_t notify_port) {
  char path[512];
  (void)grants, (void)domain_id, (void)protection, (void)notify_port;
  path_of(path, sizeof path, "page", reference);
  return map(path, 0, reference, notify_offset);
}

void *xengnttab_map_domain_grant_refs(void *grants, uint32_t count, uint32_t domain_id, uint32_t *references,
                                      int protection) {
  (void)grants, (void)count, (void)domain_id, (void)references, (void)protection;
  errno = ENOSYS;
  return NULL;
}

int xengnttab_unmap(void *grants, void *address, uint32_t count) {
  (void)grants, (void)count;
  unmap(address);
  return 0;
}

/* libxenevtchn: each handle has one port. */

struct channel {
  int fd;
  uint32_t port;
  uint32_t peer;
};

void *xenevtchn_open(void *logger, unsigned flags) {
  (void)logger, (void)flags;
  struct channel *channel = calloc(1, sizeof *channel);
  channel->fd = -1;
  return channel;
}

static int bind_port(struct channel *channel) {
  for (uint32_t number = 1; number < LAST; number++) {
    char path[512];
    path_of(path, sizeof path, "port", number);
    if (mkfifo(path, 0600) != 0) continue;
    channel->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    channel->port = number;
    return (int)number;
  }
  return -1;
}

int xenevtchn_bind_unbound_port(struct channel *channel, uint32_t domain_id) {
  (void)domain_id;
  return bind_port(channel);
}

int xenevtchn_bind_interdomain(struct channel *channel, uint32_t domain_id, uint32_t port) {
  char path[512];
  (void)domain_id;
  path_of(path, sizeof path, "port", port);
  if (access(path, F_OK) != 0) {
    errno = EINVAL;
    return -1;
  }
  channel->peer = port;
  int own = bind_port(channel);
  path_of(path, sizeof path, "peer", port);
  FILE *file = fopen(path, "w");
  if (file == NULL) return -1;
  fprintf(file, "%d", own);
  fclose(file);
  return own;
}

int xenevtchn_notify(struct channel *channel, uint32_t port) {
  char path[512];
  uint32_t peer = channel->peer;
  if (peer == 0) {
    path_of(path, sizeof path, "peer", port);
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%u", &peer) != 1) peer = 0;
    fclose(file);
  }
  path_of(path, sizeof path, "port", peer);
  int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return 0;
  /* With EPIPE the other side has gone meanwhile. */
  if (write(fd, "", 1) < 0 && errno != EAGAIN && errno != EPIPE) {
    perror("an event cannot be sent");
    abort();
  }
  close(fd);
  return 0;
}

int xenevtchn_fd(struct channel *channel) { return channel->fd; }

int xenevtchn_pending(struct channel *channel) {
  char events[PAGE];
  struct pollfd descriptor = {channel->fd, POLLIN, 0};
  if (poll(&descriptor, 1, -1) < 0) return -1;
  while (read(channel->fd, events, sizeof events) > 0) continue;
  return (int)channel->port;
}

int xenevtchn_unmask(struct channel *channel, uint32_t port) {
  (void)channel, (void)port;
  return 0;
}

int xenevtchn_unbind(struct channel *channel, uint32_t port) {
  (void)channel, (void)port;
  return 0;
}

int xenevtchn_close(struct channel *channel) {
  char path[512];
  close(channel->fd);
  path_of(path, sizeof path, "port", channel->port);
  unlink(path);
  path_of(path, sizeof path, "peer", channel->port);
  unlink(path);
  free(channel);
  return 0;
}
