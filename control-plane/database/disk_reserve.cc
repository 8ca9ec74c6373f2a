#include "control-plane/database/disk_reserve.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::int64_t kShareOfDisk = 8;

// A file system without a bound of its own (some tmpfs) says that it has 0 blocks.
std::int64_t wanted_size(int fd) {
  constexpr auto most = static_cast<std::int64_t>(limits::kDiskReserve);
  struct statvfs facts{};
  if (::fstatvfs(fd, &facts) != 0 || facts.f_blocks == 0) return most;
  const auto whole = static_cast<std::int64_t>(facts.f_blocks * facts.f_frsize);
  return std::min(most, whole / kShareOfDisk);
}

// f_bfree, not f_bavail: root may use the blocks that are kept for it.
bool may_have_room(int fd, std::int64_t size) {
  struct statvfs facts{};
  if (::fstatvfs(fd, &facts) != 0 || facts.f_blocks == 0) return true;
  return static_cast<std::int64_t>(facts.f_bfree * facts.f_frsize) >= size;
}

// Makes a file that has `has` bytes `size` bytes large, and returns 0 or an errno. The free space
// is read first: posix_fallocate() takes all of it before it fails, and other programs would find
// none meanwhile.
int allocate(int fd, std::int64_t has, std::int64_t size) {
  if (!may_have_room(fd, size - has)) return ENOSPC;
  int error = EINTR;
  while (error == EINTR) error = ::posix_fallocate(fd, 0, size);
  return error;
}

bool is_lack_of_room(int error) { return error == ENOSPC || error == EDQUOT; }

}  // namespace

DiskReserve::Spending::Spending(int fd) : fd_(fd) {
  while (::flock(fd_, LOCK_SH) != 0 && errno == EINTR) {
  }
  // A file that cannot be emptied leaves the disk as full as it was; the write says so.
  [[maybe_unused]] const int emptied = ::ftruncate(fd_, 0);
}

DiskReserve::Spending::~Spending() { ::flock(fd_, LOCK_UN); }

DiskReserve::DiskReserve(UniqueFd file, std::int64_t size) : file_(std::move(file)), size_(size) {}

Result<std::unique_ptr<DiskReserve>> DiskReserve::open(const std::string& directory) {
  const std::string path = directory + "/" + kReserveFile;
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) {
    return fail(ErrorCode::failed, "open " + path + ": " + errno_message(errno),
                "check that this user may write the data directory and its files");
  }
  const std::int64_t size = wanted_size(file.get());
  std::unique_ptr<DiskReserve> reserve(new DiskReserve(std::move(file), size));
  if (!reserve->is_whole()) (void)reserve->refill();
  return reserve;
}

std::int64_t DiskReserve::size_now() const {
  struct stat facts{};
  return ::fstat(file_.get(), &facts) == 0 ? facts.st_size : 0;
}

bool DiskReserve::is_whole() const { return !usable_ || size_now() >= size_; }

// The size grows to the end only when all of it is allocated; what an attempt without success has
// allocated is given back.
bool DiskReserve::refill() {
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) return is_whole();
  const int error = allocate(file_.get(), size_now(), size_);
  if (error != 0) [[maybe_unused]]
    const int emptied = ::ftruncate(file_.get(), 0);
  if (error != 0 && !is_lack_of_room(error)) usable_ = false;
  ::flock(file_.get(), LOCK_UN);
  return error == 0 || !usable_;
}

DiskReserve::Spending DiskReserve::release() { return Spending(file_.get()); }

}  // namespace agent_secrets::control_plane
