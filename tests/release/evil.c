// What a hostile image would like to have loaded: says so in /evil-was-here as soon as it is.
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void loaded(void) {
  int marker = open("/evil-was-here", O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (marker >= 0) close(marker);
}
