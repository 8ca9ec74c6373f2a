/* run_once EXPECTED-EXIT-CODE COMMAND [ARGUMENT…]
 *
 * Runs the command to its end without its output, and prints "NANOSECONDS KIBIBYTES": wall time from
 * before the fork to after the wait, and the peak memory. This is a separate program because Linux
 * counts the parent's memory as the child's peak until the exec: a child of Python has 20 MB at least. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char** argv) {
  if (argc < 3) errx(2, "usage: run_once EXPECTED-EXIT-CODE COMMAND [ARGUMENT...]");
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere < 0) err(2, "open /dev/null");

  const long long start = now();
  const pid_t child = fork();
  if (child < 0) err(2, "fork");
  if (child == 0) {
    for (int fd = 0; fd <= 2; ++fd) dup2(nowhere, fd);
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  int status;
  struct rusage usage;
  if (wait4(child, &status, 0, &usage) != child) err(2, "wait4");
  const long long end = now();

  if (!WIFEXITED(status) || WEXITSTATUS(status) != atoi(argv[1])) {
    errx(2, "%s: wait status %d, expected exit code %s", argv[2], status, argv[1]);
  }
  printf("%lld %ld\n", end - start, usage.ru_maxrss);
  return 0;
}
