#include "control-plane/database/notice_queue.h"

#include <utility>

#include <sys/eventfd.h>

namespace agent_secrets::control_plane {

NoticeQueue::NoticeQueue() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void NoticeQueue::add(std::string_view notice) {
  {
    const std::scoped_lock lock(mutex_);
    notices_.emplace(notice);
  }
  wake();
}

// An eventfd that cannot count further is readable already (eventfd(2)).
void NoticeQueue::wake() { (void)::eventfd_write(event_.get(), 1); }

// Reads the descriptor first: a notice that is added between the two steps makes it readable again.
std::set<std::string> NoticeQueue::take() {
  eventfd_t count = 0;
  (void)::eventfd_read(event_.get(), &count);
  const std::scoped_lock lock(mutex_);
  return std::exchange(notices_, {});
}

}  // namespace agent_secrets::control_plane
