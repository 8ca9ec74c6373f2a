#pragma once
// Notices: hints between the processes that use one database. A notice means "look now", and its
// text says what at. It carries no data: whoever gets it reads the database.
//
// A notice may be late, be lost or come twice. Every receiver therefore also looks by itself, once
// a second (limits::kLookEvery): a lost notice costs a second, and nothing else.
//
// PostgreSQL has notices (database/postgres_listener.h). SQLite has none: one process serves a
// file, and wakes its own threads.

#include <functional>
#include <string_view>

namespace agent_secrets::control_plane {

// Called with the text of a notice of another process, on the listener's thread: must be quick, and
// must not throw. An empty text means that notices may have been lost: look at everything.
using NoticeHandler = std::function<void(std::string_view notice)>;

// Listens from its construction to its destruction, which waits until the handler has returned and
// calls it no more.
class NoticeListener {
 public:
  NoticeListener() = default;
  NoticeListener(const NoticeListener&) = delete;
  NoticeListener& operator=(const NoticeListener&) = delete;
  virtual ~NoticeListener() = default;
  // Whether the database sends notices to this process now. Threads: any.
  [[nodiscard]] virtual bool is_connected() const = 0;
};

}  // namespace agent_secrets::control_plane
