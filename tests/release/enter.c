// enter ROOT PROGRAM…: runs the program with ROOT as its root. Static, so that an environment meant for
// the program has no effect here.
#include <stdio.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc > 2 && chroot(argv[1]) == 0 && chdir("/") == 0) execv(argv[2], argv + 2);
  perror("enter");
  return 125;
}
