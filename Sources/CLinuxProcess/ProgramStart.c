#define _GNU_SOURCE

#include "CLinuxProcess.h"

#include <errno.h>

#ifdef __linux__

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// What follows is written out because not every C library comes with the kernel's own headers.

// The number is the same on every architecture.
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

// Where there are two of each, the shorter names are those with 16 bits.
#ifdef SYS_setresuid32
#define SET_GROUPS SYS_setgroups32
#define SET_GROUP SYS_setresgid32
#define SET_USER SYS_setresuid32
#else
#define SET_GROUPS SYS_setgroups
#define SET_GROUP SYS_setresgid
#define SET_USER SYS_setresuid
#endif

#define CAPABILITY_VERSION_3 0x20080522
#define JOIN_SESSION_KEYRING 1

#define START_PATIENCE_MILLISECONDS 10000

struct capability_header {
  uint32_t version;
  int pid;
};

struct capability_data {
  uint32_t effective, permitted, inheritable;
};

struct failure {
  int step;
  int code;
};

// From here to the exec only system calls are made: of the threads that may hold a lock of the C library, the child has
// none.

static int set_limit(int resource, uint64_t soft, uint64_t hard) {
  if (soft == BATON_UNLIMITED) return 0;
  struct rlimit both;
  if (getrlimit(resource, &both) != 0) return -1;
  // A stricter limit that is in force already stays; only root could raise it.
  if (hard < both.rlim_max) both.rlim_max = (rlim_t)hard;
  both.rlim_cur = soft < both.rlim_max ? (rlim_t)soft : both.rlim_max;
  return setrlimit(resource, &both);
}

static int set_limits(const struct baton_limits *limits) {
  if (limits->nice > getpriority(PRIO_PROCESS, 0) && setpriority(PRIO_PROCESS, 0, limits->nice) != 0) return -1;
  // At the soft limit the program gets SIGXCPU, every second, and at the hard one SIGKILL. The first is its chance to
  // save what it has.
  uint64_t most = limits->processor_seconds;
  if (most < BATON_UNLIMITED - BATON_PROCESSOR_GRACE_SECONDS) most += BATON_PROCESSOR_GRACE_SECONDS;
  if (set_limit(RLIMIT_CPU, limits->processor_seconds, most) != 0) return -1;
  if (set_limit(RLIMIT_AS, limits->memory_bytes, limits->memory_bytes) != 0) return -1;
  if (set_limit(RLIMIT_FSIZE, limits->file_bytes, limits->file_bytes) != 0) return -1;
  if (set_limit(RLIMIT_CORE, limits->core_bytes, limits->core_bytes) != 0) return -1;
  if (set_limit(RLIMIT_NPROC, limits->processes, limits->processes) != 0) return -1;
  return set_limit(RLIMIT_NOFILE, limits->open_files, limits->open_files);
}

static int become(const struct baton_user *user) {
  // Nothing that it executes, sudo least of all, makes it more than that user again.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  if (syscall(SET_GROUPS, 0, NULL) != 0) return -1;
  if (syscall(SET_GROUP, user->group, user->group, user->group) != 0) return -1;
  if (syscall(SET_USER, user->user, user->user, user->user) != 0) return -1;
  // A change from root takes the capabilities away by itself, one between two ordinary users does not.
  (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  struct capability_header header = {.version = CAPABILITY_VERSION_3};
  struct capability_data none[2] = {{0}, {0}};
  if (syscall(SYS_capset, &header, none) != 0) return -1;
  // The keys of the session that the worker was started in are in reach of all that is in it, whatever its user.
  (void)syscall(SYS_keyctl, JOIN_SESSION_KEYRING, NULL);
  return 0;
}

static void reset_signals(void) {
  for (int number = 1; number <= SIGRTMAX; number++) (void)signal(number, SIG_DFL);
}

static int connect_descriptors(int input, int output) {
  if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0) return -1;
  if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return 0;
  // Before Linux 5.11.
  struct rlimit open_files;
  if (getrlimit(RLIMIT_NOFILE, &open_files) != 0) return -1;
  for (int descriptor = STDERR_FILENO + 1; (rlim_t)descriptor < open_files.rlim_cur; descriptor++) {
    (void)fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  return 0;
}

/// Out of the way of the standard descriptors, should the worker have been started without them.
static int moved_up(int descriptor) {
  return descriptor > STDERR_FILENO ? descriptor : fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static _Noreturn void fail(int report, int step) {
  struct failure failure = {.step = step, .code = errno};
  (void)!write(report, &failure, sizeof failure);
  _exit(127);
}

/// What the child does; without a path, all but the exec.
static _Noreturn void run(const struct baton_program *program, int report) {
  report = moved_up(report);
  reset_signals();
  if (setsid() < 0) fail(report, BATON_STEP_SESSION);
  if (program->path != NULL) {
    int input = moved_up(program->input), output = moved_up(program->output);
    if (connect_descriptors(input, output) != 0) fail(report, BATON_STEP_DESCRIPTORS);
  }
  if (set_limits(&program->limits) != 0) fail(report, BATON_STEP_LIMITS);
  if (program->user != NULL && become(program->user) != 0) fail(report, BATON_STEP_USER);
  // As that user, so that nobody gets into a folder by the worker's rights.
  if (program->directory != NULL && chdir(program->directory) != 0) fail(report, BATON_STEP_DIRECTORY);
  if (program->path == NULL) _exit(0);
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
  execve(program->path, program->arguments, program->environment);
  fail(report, BATON_STEP_EXEC);
}

static void await(pid_t child) {
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
  }
}

/// Whether there is something to read, or the end, within that time.
static bool wait_readable(int descriptor, int milliseconds) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  int64_t end = now.tv_sec * 1000 + now.tv_nsec / 1000000 + milliseconds;
  for (;;) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t left = end - (now.tv_sec * 1000 + now.tv_nsec / 1000000);
    struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
    int found = poll(&wanted, 1, left > 0 ? (int)left : 0);
    if (found > 0) return true;
    if (found == 0 || errno != EINTR) return false;
  }
}

int baton_start_program(const struct baton_program *program, pid_t *process, int *step) {
  *step = BATON_STEP_FORK;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  sigset_t all, before;
  sigfillset(&all);
  // No handler of the worker's runs in the child, where it would write into the worker's own pipes.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // Not vfork: a process that shares the worker's memory must not belong to another user, not for a moment.
  pid_t child = fork();
  if (child == 0) run(program, ends[1]);
  int code = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return code;
  }
  // The exec closes the other end. Before it, the child belongs to the programs' user for a moment, and any program of
  // that user may stop it: then this would wait for ever, and no other program could be started.
  struct failure failure;
  ssize_t count = wait_readable(ends[0], START_PATIENCE_MILLISECONDS) ? read(ends[0], &failure, sizeof failure) : -1;
  close(ends[0]);
  if (count < 0) {
    (void)kill(child, SIGKILL);
    await(child);
    return ETIMEDOUT;
  }
  if (count == (ssize_t)sizeof failure) {
    await(child);
    *step = failure.step;
    return failure.code;
  }
  if (program->path == NULL) await(child);
  *process = child;
  return 0;
}

#else

int baton_start_program(const struct baton_program *program, pid_t *process, int *step) {
  *step = BATON_STEP_FORK;
  return ENOSYS;
}

#endif
