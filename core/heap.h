#pragma once
// How the C library's malloc keeps memory in a server with threads: malloc(3), mallopt(3).
//
// Without these settings the C library keeps the memory of large buffers: after a thousand answers
// of 2 MB each, the process would stay that large. With them each large buffer is a mapping of its
// own, which is unmapped when the buffer is freed. Threads that run at the same time should not
// wait for each other's lock of a heap, so there are several heaps: one for each processor, one for
// the thread of the sockets, and one for a thread that commits. A heap for each of many worker
// threads would keep the memory of the largest request of that worker. The free end of a heap
// stays, so that an ordinary request takes no system call for memory.

namespace agent_secrets {

// For the whole process. Call it before there is another thread.
void configure_heaps();

// Grows the heap of the calling thread to what ordinary requests and their caches need. Otherwise a
// heap grows by one page and one system call (mprotect) at a time. The pages are not in memory
// until they are used. Call it when a thread starts.
void grow_heap_of_thread();

}  // namespace agent_secrets
