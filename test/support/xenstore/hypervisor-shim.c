/*
 * Stands in for the libraries through which xenstored talks to the hypervisor (libxenctrl, libxenevtchn, libxengnttab),
 * so that the real daemon serves its socket on a machine without Xen.
 *
 * The domains are files in the folder that JITSU_TEST_DOMAINS names, each called by its domain id. What a file holds is
 * the domain's state: nothing for one that runs, "shutdown", "crashed" or "dying". Any change in the folder arrives as
 * the event by which the hypervisor announces that a domain has ended.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { DOMAIN_ENDED_PORT = 1, FIRST_DOMAIN_PORT = 100, PAGE = 4096 };

/* How xc_dominfo_t begins (xenctrl.h). What follows is not read by xenstored, and is not touched here. */
struct domain_info {
  uint32_t domain_id;
  uint32_t security_label;
  unsigned int dying : 1, crashed : 1, shutdown : 1;
};

static char handle;
static int changes = -1;

static const char *domains_folder(void) {
  const char *folder = getenv("JITSU_TEST_DOMAINS");
  if (folder == NULL) {
    fputs("JITSU_TEST_DOMAINS is not set\n", stderr);
    abort();
  }
  return folder;
}

/* A test that is killed takes its daemon with it. */
__attribute__((constructor)) static void die_with_the_test(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }

/* libxenctrl */

void *xc_interface_open(void *logger, void *other_logger, unsigned flags) {
  (void)logger, (void)other_logger, (void)flags;
  return &handle;
}

int xc_interface_close(void *interface) {
  (void)interface;
  return 0;
}

static void read_state(uint32_t domain_id, struct domain_info *info) {
  char path[512], state[16] = "";
  snprintf(path, sizeof path, "%s/%u", domains_folder(), domain_id);
  FILE *file = fopen(path, "r");
  if (file != NULL) {
    if (fgets(state, sizeof state, file) == NULL) state[0] = '\0';
    fclose(file);
  }
  info->domain_id = domain_id;
  info->security_label = 0;
  info->dying = strcmp(state, "dying") == 0;
  info->crashed = strcmp(state, "crashed") == 0;
  info->shutdown = strcmp(state, "shutdown") == 0;
}

/* Tells of the first domain from that id on, and how many it has told of: one or none. Domain 0 is always there. */
int xc_domain_getinfo(void *interface, uint32_t first, unsigned max, struct domain_info *info) {
  uint32_t found = UINT32_MAX;
  (void)interface;
  if (max == 0) return 0;
  if (first == 0) {
    found = 0;
  } else {
    DIR *folder = opendir(domains_folder());
    if (folder == NULL) return 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
      char *end;
      unsigned long id = strtoul(entry->d_name, &end, 10);
      if (end != entry->d_name && *end == '\0' && id >= first && id < found) found = (uint32_t)id;
    }
    closedir(folder);
  }
  if (found == UINT32_MAX) return 0;
  read_state(found, info);
  return 1;
}

/* libxenevtchn */

void *xenevtchn_open(void *logger, unsigned flags) {
  (void)logger, (void)flags;
  changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  inotify_add_watch(changes, domains_folder(), IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_TO);
  return &handle;
}

void *xenevtchn_fdopen(void *logger, int fd, unsigned flags) {
  (void)logger, (void)flags;
  changes = fd;
  return &handle;
}

int xenevtchn_fd(void *channels) {
  (void)channels;
  return changes;
}

int xenevtchn_pending(void *channels) {
  char events[PAGE];
  (void)channels;
  while (read(changes, events, sizeof events) > 0) continue;
  return DOMAIN_ENDED_PORT;
}

int xenevtchn_bind_virq(void *channels, unsigned virq) {
  (void)channels, (void)virq;
  return DOMAIN_ENDED_PORT;
}

int xenevtchn_bind_interdomain(void *channels, uint32_t domain_id, uint32_t port) {
  (void)channels, (void)port;
  return FIRST_DOMAIN_PORT + (int)domain_id;
}

int xenevtchn_notify(void *channels, uint32_t port) {
  (void)channels, (void)port;
  return 0;
}

int xenevtchn_unbind(void *channels, uint32_t port) {
  (void)channels, (void)port;
  return 0;
}

int xenevtchn_unmask(void *channels, uint32_t port) {
  (void)channels, (void)port;
  return 0;
}

/* libxengnttab: the page that a domain would share */

void *xengnttab_open(void *logger, unsigned flags) {
  (void)logger, (void)flags;
  return &handle;
}

int xengnttab_close(void *grants) {
  (void)grants;
  return 0;
}

int xengnttab_set_max_grants(void *grants, uint32_t count) {
  (void)grants, (void)count;
  return 0;
}

void *xengnttab_map_grant_ref(void *grants, uint32_t domain_id, uint32_t reference, int protection) {
  (void)grants, (void)domain_id, (void)reference;
  void *page = mmap(NULL, PAGE, protection, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? NULL : page;
}

int xengnttab_unmap(void *grants, void *address, uint32_t count) {
  (void)grants;
  return munmap(address, (size_t)count * PAGE);
}

/* The files of /proc/xen by which the kernel of domain 0 shows its own page and port. */

static int file_with(const char *content, off_t size) {
  int fd = memfd_create("xen", 0);
  if (fd < 0 || ftruncate(fd, size) != 0) return -1;
  if (pwrite(fd, content, strlen(content), 0) < 0) return -1;
  return fd;
}

int open(const char *path, int flags, ...) {
  if (strcmp(path, "/proc/xen/xsd_kva") == 0) return file_with("", PAGE);
  if (strcmp(path, "/proc/xen/xsd_port") == 0) return file_with("1\n", 2);
  int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return real(path, flags, mode);
}
