#pragma once
// The sockets at which a server listens, before the server has them: of an address and a port, of a
// path, or of the service manager (socket activation). Every socket is non-blocking and
// close-on-exec from its creation.
//
// A Unix socket is plain HTTP: the mode of the file decides which users may connect. While a
// process listens, it holds a lock on PATH.lock, so that two processes do not remove each other's
// file. A file that a killed process has left is removed only if no process holds the lock, the
// file is a socket of this user, and no process accepts connections on it. The directory must not
// let other users replace the file.
//
// Source: unix(7), sd_listen_fds(3), systemd.socket(5).
// Threads: one.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {

// Removes the file of a Unix socket, and holds its lock.
class SocketFile {
 public:
  SocketFile(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;
  ~SocketFile();

 private:
  std::string path_;
  UniqueFd lock_;
};

struct ListeningSocket {
  enum class Reach : std::uint8_t { path, loopback, network };

  UniqueFd fd;
  Reach reach = Reach::loopback;
  std::string name;                             // for messages: "127.0.0.1:7710", "unix:/run/api"
  std::uint16_t port = 0;                       // 0 for a path
  std::unique_ptr<const SocketFile> file = {};  // of a path that this process has made
};

// `host` is an IP address, or localhost; port 0: any free one.
Result<ListeningSocket> listen_at(const std::string& host, std::uint16_t port);
Result<ListeningSocket> listen_at_path(const std::string& path, mode_t mode);

// The sockets that the service manager has opened for this process (LISTEN_FDS), which listen
// already. Wipes the variables, so that no child process takes the sockets for its own. Empty
// without the variables, and when LISTEN_PID is another process. Call it once, before there are
// threads.
Result<std::vector<ListeningSocket>> take_activated_sockets();

}  // namespace agent_secrets::control_plane
