#pragma once
// The deadline of the operation that a connection is in: when it passes, the operation is
// cancelled.
//
// A connection has one deadline at a time. A request has several, one after the other, and most are
// met, so a deadline does not set the timer if the timer ends earlier anyway: then the timer is set
// again when it ends. disarm() leaves the timer set, because the next deadline most likely needs
// it.
//
// Threads: the I/O thread only.

#include <chrono>
#include <memory>

#include "control-plane/http/stream.h"

namespace agent_secrets::control_plane {

class Deadline {
 public:
  // The socket must outlive the Deadline.
  explicit Deadline(Socket& socket);
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline();

  // Replaces the deadline that there is.
  void arm(std::chrono::milliseconds time);
  void disarm();
  // Whether the deadline of the last arm() has passed before it was disarmed.
  [[nodiscard]] bool has_passed() const;
  // The connection ends: without this the timer would keep the I/O thread in its loop.
  void end();

 private:
  class Timer;
  std::shared_ptr<Timer> timer_;
};

}  // namespace agent_secrets::control_plane
