// Shows the thread sanitizer what it cannot see: when a Mutex of Swift is contended, it is taken and given back inside of
// libswiftSynchronization, which is not instrumented, and the futex is the kernel's business. Without this, each access
// that follows such a lock is reported as a race (Swift 6.3 on Linux).
//
// scripts/sanitize.sh preloads it. The two functions stand in front of the library's own and call them.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *

typedef SWIFT void lock_slow(uint32_t, SELF);
typedef SWIFT void unlock_slow(SELF);

// Part of programs that are built with the sanitizer; others are left alone.
__attribute__((weak)) void __tsan_acquire(void *);
__attribute__((weak)) void __tsan_release(void *);

static void *next(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

SWIFT void _lock(uint32_t thread, SELF mutex) __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
SWIFT void _lock(uint32_t thread, SELF mutex) {
  static lock_slow *real;
  if (!real) real = (lock_slow *)next("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
  real(thread, mutex);
  if (__tsan_acquire) __tsan_acquire(mutex);
}

SWIFT void _unlock(SELF mutex) __asm__("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
SWIFT void _unlock(SELF mutex) {
  static unlock_slow *real;
  if (!real) real = (unlock_slow *)next("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
  if (__tsan_release) __tsan_release(mutex);
  real(mutex);
}
