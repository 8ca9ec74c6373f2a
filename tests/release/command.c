// The command that the injector becomes: prints its environment, each entry with its NUL.
#include <stdio.h>

int main(int argc, char** argv, char** environment) {
  (void)argc, (void)argv;
  for (; *environment; environment++) fwrite(*environment, 1, __builtin_strlen(*environment) + 1, stdout);
  return 0;
}
