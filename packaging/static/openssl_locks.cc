// In one handshake OpenSSL takes and releases locks some two thousand times. Each time costs an
// atomic read and an atomic write: together a hundredth of the instructions of a launch, for a
// process that has one thread. The C library knows whether the process has only ever had one
// thread, and skips its own locks then (malloc, stdio). So do the three functions below, which the
// linker puts before OpenSSL's in a static program (ld(1), --wrap). OpenSSL's other atomic
// operations are inline and are not skipped.
//
// A lock that was skipped when taken is skipped when released: OpenSSL starts no thread, and so
// none is started while one of its locks is held.
//
// Source: sys/single_threaded.h (glibc 2.32); crypto/threads_pthread.c of OpenSSL 3.5.

#include <sys/single_threaded.h>

// NOLINTBEGIN(bugprone-reserved-identifier): the linker makes these names.
extern "C" {

int __real_CRYPTO_THREAD_read_lock(void* lock);
int __real_CRYPTO_THREAD_write_lock(void* lock);
int __real_CRYPTO_THREAD_unlock(void* lock);

int __wrap_CRYPTO_THREAD_read_lock(void* lock) {
  return __libc_single_threaded ? 1 : __real_CRYPTO_THREAD_read_lock(lock);
}

int __wrap_CRYPTO_THREAD_write_lock(void* lock) {
  return __libc_single_threaded ? 1 : __real_CRYPTO_THREAD_write_lock(lock);
}

int __wrap_CRYPTO_THREAD_unlock(void* lock) {
  return __libc_single_threaded ? 1 : __real_CRYPTO_THREAD_unlock(lock);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
