// A wall clock that somebody else can move: a library for LD_PRELOAD, under
// programs that know nothing of it.
//
// At its start a process makes the file $CALLBOARD_CLOCKS/clock.<pid>: eight
// bytes that say by how many milliseconds its clock is ahead. Whoever writes
// there moves the clock, at once. Monotonic clocks, and with them timers, go on
// as before, as they do when somebody sets the clock of a machine.

#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t never = 0;
static const volatile int64_t *ahead_ms = &never;

__attribute__((constructor)) static void make_clock(void) {
  const char *folder = getenv("CALLBOARD_CLOCKS");
  if (!folder) return;
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/clock.%d", folder, (int)getpid());
  int file = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) return;
  if (ftruncate(file, sizeof *ahead_ms) == 0) {
    void *shared = mmap(NULL, sizeof *ahead_ms, PROT_READ, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED) ahead_ms = shared;
  }
  close(file);
}

// Not dlsym's clock_gettime: this one works before any constructor has run.
int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
  int64_t ms = *ahead_ms;
  now->tv_sec += ms / 1000;
  now->tv_nsec += ms % 1000 * 1000000;
  if (now->tv_nsec < 0) {
    now->tv_sec -= 1;
    now->tv_nsec += 1000000000;
  } else if (now->tv_nsec >= 1000000000) {
    now->tv_sec += 1;
    now->tv_nsec -= 1000000000;
  }
  return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *now) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (now) *now = precise.tv_sec;
  return precise.tv_sec;
}
