// Listening at a path (listening_socket.h).
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control-plane/http/listening_socket.h"
#include "core/file_lock.h"

namespace agent_secrets::control_plane {
namespace {

std::unexpected<Error> cannot(const std::string& path, const char* what) {
  return fail(ErrorCode::failed,
              fmt::format("listen unix:{}: {}: {}", path, what, errno_message(errno)));
}

UniqueFd stream_socket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!path.starts_with('/') || path.size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::invalid, fmt::format("listen unix:{}: not a path for a socket", path),
                fmt::format("give an absolute path of at most {} bytes, such as "
                            "unix:/run/agent-secrets/api.sock",
                            sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

// Other users of the directory could put a socket of theirs in the place of ours.
Result<void> check_directory(const std::string& path) {
  const std::string directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  struct stat facts{};
  if (::stat(directory.c_str(), &facts) != 0) return cannot(path, "look at its directory");
  const bool is_trusted = facts.st_uid == ::geteuid() || facts.st_uid == 0;
  if (is_trusted && (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  return fail(ErrorCode::invalid,
              fmt::format("listen unix:{}: other users may write to {}", path, directory),
              "use a directory that belongs to this user or root, with mode 0755 or less, such as "
              "the one that systemd's RuntimeDirectory= makes");
}

Result<UniqueFd> take_lock(const std::string& path) {
  const std::string name = path + ".lock";
  UniqueFd fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.is_open()) return cannot(path, "make its lock");
  auto locked = take_life_lock(fd.get());
  if (locked) return fd;
  if (locked.error().code != ErrorCode::conflict) return propagate(locked, "listen unix:" + path);
  return fail(ErrorCode::conflict,
              fmt::format("listen unix:{}: another process listens there", path),
              "stop it, or choose another path with --listen");
}

// A program that does not know the lock may listen there.
bool accepts_connections(const sockaddr_un& address) {
  const UniqueFd fd = stream_socket();
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  return ::connect(fd.get(), generic, sizeof(address)) == 0 || errno == EAGAIN;
}

Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return {};
    return cannot(path, "look at it");
  }
  if (!S_ISSOCK(facts.st_mode) || facts.st_uid != ::geteuid() || accepts_connections(address)) {
    return fail(ErrorCode::conflict,
                fmt::format("listen unix:{}: the file is there, and is not a socket that a killed "
                            "process of this user has left",
                            path),
                "choose another path, or remove the file if nothing uses it");
  }
  return ::unlink(path.c_str()) == 0 ? Result<void>() : cannot(path, "remove the old socket");
}

// No connection is possible before listen(2), so no process can use the socket before its mode is
// set.
Result<ListeningSocket> bind_and_listen(const std::string& path, const sockaddr_un& address,
                                        mode_t mode, UniqueFd lock) {
  ListeningSocket socket{
      .fd = stream_socket(), .reach = ListeningSocket::Reach::path, .name = "unix:" + path};
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (!socket.fd.is_open() || ::bind(socket.fd.get(), generic, sizeof(address)) != 0) {
    return cannot(path, "bind");
  }
  socket.file = std::make_unique<const SocketFile>(path, std::move(lock));
  if (::chmod(path.c_str(), mode) != 0) return cannot(path, "set its mode");
  if (::listen(socket.fd.get(), SOMAXCONN) != 0) return cannot(path, "listen");
  return socket;
}

}  // namespace

SocketFile::~SocketFile() { (void)::unlink(path_.c_str()); }

Result<ListeningSocket> listen_at_path(const std::string& path, mode_t mode) {
  auto address = address_of(path);
  if (!address) return propagate(address);
  if (auto checked = check_directory(path); !checked) return propagate(checked);
  auto lock = take_lock(path);
  if (!lock) return propagate(lock);
  if (auto removed = remove_stale(path, *address); !removed) return propagate(removed);
  return bind_and_listen(path, *address, mode, std::move(*lock));
}

}  // namespace agent_secrets::control_plane
