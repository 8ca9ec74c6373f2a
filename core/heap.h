#pragma once
// How the C library's malloc keeps memory in a server with threads: malloc(3), mallopt(3).
//
// Without these settings the C library keeps the memory of large buffers: after a thousand answers
// of 2 MB each, the process would stay that large. With them each large buffer is a mapping of its
// own, which is unmapped when the buffer is freed. There are as many heaps as processors, and two
// more, at most 8. The C library gives each new thread the next one, so two running threads seldom
// need the lock of the same heap. A heap for each of many worker threads would keep the memory of
// the largest request of that worker. A free end of a heap stays up to 2 MiB, so that an ordinary
// request takes no system call for memory.

namespace agent_secrets {

// For the whole process. Call it before there is another thread.
void configure_heaps();

// Makes 1.5 MiB of the calling thread's heap ready, for ordinary requests and their caches. Without
// this, a heap other than the main one grows page by page, with one mprotect(2) each. Most of the
// pages take no memory until they are used. Call it when a thread starts.
//
// Threads: safe from several.
void grow_heap_of_thread();

}  // namespace agent_secrets
