#define _GNU_SOURCE

#include "CLinuxProcess.h"

#include <errno.h>

#ifdef __linux__

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// The numbers are the same on every architecture.
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

int baton_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int baton_set_lock_limit(uint64_t limit) {
  struct rlimit both;
  if (getrlimit(RLIMIT_LOCKS, &both) != 0) return -1;
  both.rlim_cur = (rlim_t)limit;
  return setrlimit(RLIMIT_LOCKS, &both);
}

int baton_get_lock_limit(pid_t process, uint64_t *limit) {
  struct rlimit both;
  if (prlimit(process, RLIMIT_LOCKS, NULL, &both) != 0) return -1;
  *limit = both.rlim_cur;
  return 0;
}

int baton_open_process(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

int baton_signal_process(int descriptor, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, descriptor, signal, NULL, 0);
}

#else

static int unavailable(void) {
  errno = ENOSYS;
  return -1;
}

int baton_adopt_orphans(void) { return unavailable(); }
int baton_set_lock_limit(uint64_t limit) { return unavailable(); }
int baton_get_lock_limit(pid_t process, uint64_t *limit) { return unavailable(); }
int baton_open_process(pid_t process) { return unavailable(); }
int baton_signal_process(int descriptor, int signal) { return unavailable(); }

#endif
