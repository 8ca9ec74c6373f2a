// OpenSSL takes a lock some ten thousand times in one handshake, and each is an atomic read and an
// atomic write: a fortieth of a launch, for a process that has one thread. The C library knows when
// it has only ever had one, and skips its own locks then (malloc, stdio); so do these three, which
// the linker puts before OpenSSL's in a static program (ld(1), --wrap).
//
// A lock that was skipped when taken is skipped when released: OpenSSL starts no thread, and so
// none is started while one of its locks is held.
//
// Source: sys/single_threaded.h (glibc 2.32); crypto/threads_pthread.c of OpenSSL 3.0.

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
