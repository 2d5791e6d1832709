/// What the C library keeps from Swift: functions with variable arguments, and extensions of GNU and Linux.
///
/// Elsewhere than on Linux each of these fails with ENOSYS.

#pragma once

#include <stdint.h>
#include <sys/types.h>

/// Makes orphaned descendants of this process its children, instead of init's.
/// Returns 0, or -1 with `errno`.
int baton_adopt_orphans(void);

/// Changes this process's soft limit on file locks.
///
/// Linux has not looked at that limit since 2.4, but every child still inherits it, through any change of session and
/// environment: so it can carry a number.
/// Returns 0, or -1 with `errno`.
int baton_set_lock_limit(uint64_t limit);

/// Reads a process's soft limit on file locks.
/// Returns 0, or -1 with `errno`, such as ESRCH, or EPERM for a process of another user.
int baton_get_lock_limit(pid_t process, uint64_t *_Nonnull limit);

/// Opens a descriptor that stays with this very process when its number is used again.
/// Returns the descriptor, which an exec closes, or -1 with `errno`; ENOSYS before Linux 5.3.
int baton_open_process(pid_t process);

/// Signals the process of a descriptor.
/// Returns 0, or -1 with `errno`.
int baton_signal_process(int descriptor, int signal);

/// Leaves a limit as it is.
#define BATON_UNLIMITED UINT64_MAX

/// How long a program may go on after the signal that its processor time is over, in seconds of that time.
#define BATON_PROCESSOR_GRACE_SECONDS 5

/// What each process of a program may have.
struct baton_limits {
  uint64_t memory_bytes;
  uint64_t file_bytes;
  uint64_t core_bytes;
  uint64_t open_files;
  /// All processes and threads of the user together.
  uint64_t processes;
  uint64_t processor_seconds;
  /// The least niceness.
  int nice;
};

struct baton_user {
  uid_t user;
  gid_t group;
};

struct baton_program {
  /// NULL to find out whether a program could be started: all is done but the exec.
  const char *_Nullable path;
  char *_Nullable const *_Nullable arguments;
  char *_Nullable const *_Nullable environment;
  /// NULL for this process's own.
  const char *_Nullable directory;
  int input;
  /// Standard output and standard error.
  int output;
  /// NULL for this process's own. With one, the program has no groups besides, no capability, and no way to get any.
  const struct baton_user *_Nullable user;
  struct baton_limits limits;
};

/// Where the start of a program failed.
enum baton_step {
  BATON_STEP_FORK,
  BATON_STEP_SESSION,
  BATON_STEP_DESCRIPTORS,
  BATON_STEP_LIMITS,
  BATON_STEP_USER,
  BATON_STEP_DIRECTORY,
  BATON_STEP_EXEC,
};

/// Starts a program in a session of its own, as another user or with limits that it cannot raise again, with no
/// descriptors but the standard ones. Blocks until it runs.
///
/// Returns 0, or the error number with the step that failed.
int baton_start_program(
    const struct baton_program *_Nonnull program, pid_t *_Nonnull process, int *_Nonnull step);
