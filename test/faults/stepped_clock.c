/* A system clock that can be stepped, for the processes that load this library before others.
 *
 * The file AUTOMASK_CLOCK holds eight bytes: by how many nanoseconds the clock is off. The steady
 * clocks stay as they are, as they do when somebody sets the clock of a computer. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_cond_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*real_sem_timedwait)(sem_t *, const struct timespec *);
static volatile int64_t *offset;

static void *find(const char *name, const char *version) {
  void *found = dlvsym(RTLD_NEXT, name, version);
  return found ? found : dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void begin(void) {
  real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  real_cond_timedwait = find("pthread_cond_timedwait", "GLIBC_2.3.2");
  real_sem_timedwait = dlsym(RTLD_NEXT, "sem_timedwait");
  const char *path = getenv("AUTOMASK_CLOCK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file >= 0) {
    void *memory = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) offset = memory;
    close(file);
  }
}

static struct timespec moved(struct timespec time, int64_t by) {
  int64_t nanoseconds = time.tv_sec * SECOND + time.tv_nsec + by;
  return (struct timespec){nanoseconds / SECOND, nanoseconds % SECOND};
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (!real_clock_gettime) begin();
  int result = real_clock_gettime(clock, time);
  if (result == 0 && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    *time = moved(*time, *offset);
  return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  struct timespec now;
  (void)zone;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  if (result == 0) *time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
  return result;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}

/* Deadlines by the system clock, as the kernel's own clock knows them. Those by the steady clock are
 * small numbers: nobody's computer has run for thirty years. */
static struct timespec deadline(const struct timespec *time) {
  return offset && time->tv_sec > 1000000000 ? moved(*time, -*offset) : *time;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict time) {
  struct timespec until = deadline(time);
  return real_cond_timedwait(condition, mutex, &until);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict time) {
  struct timespec until = deadline(time);
  return real_sem_timedwait(semaphore, &until);
}
