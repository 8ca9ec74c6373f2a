#pragma once
// The notices that a process has still to send, each text once: a thousand changes of a region that
// wait together are one notice. There are few texts (a region code, a fixed word), so the queue
// stays small while nothing is sent.
//
// Threads: add() and wake() from any; the listener's thread waits for the descriptor, and takes.

#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "core/unique_fd.h"

namespace agent_secrets::control_plane {

class NoticeQueue {
 public:
  NoticeQueue();

  void add(std::string_view notice);
  // Makes the descriptor readable without a notice.
  void wake();
  // Everything that was added, and from here on the descriptor waits for more.
  std::set<std::string> take();
  // For poll(2): readable after add() or wake(). -1 when the process had no descriptor left.
  [[nodiscard]] int descriptor() const { return event_.get(); }

 private:
  const UniqueFd event_;
  std::mutex mutex_;
  std::set<std::string> notices_;
};

}  // namespace agent_secrets::control_plane
