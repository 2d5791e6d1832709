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
