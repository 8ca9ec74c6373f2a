#pragma once
// The file of a backup: a tar archive, which `tar` lists and unpacks too.
//
//   manifest.json    what is inside (backup/manifest.h)
//   catalog.db       databases
//   region-CODE.db
//   seal             the SHA-256 of everything before it, encrypted with the master key
//   sha256           the SHA-256 of everything before it, in hexadecimal
//
// A reader accepts only the one form that the writer makes: a header is compared with the header
// that the writer would have written, and what follows the last header with what the writer would
// have written there. All other bytes are under the checksum. So a changed byte is found wherever
// it is. Before the checksum has been compared, only names and sizes are parsed.
//
// The seal proves that the file was made with the master key. The checksum alone does not: an
// attacker who changes the file can compute the checksum again.
//
// Memory: one buffer, whatever the size of the file. Threads: one at a time.
// Source: pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html, "ustar Interchange Format".

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/backup/sha256.h"
#include "control-plane/keys/master_key.h"
#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {

using TakeBytes = std::function<Result<void>(std::span<const std::uint8_t>)>;

// In hexadecimal. `name` is for messages.
Result<std::string> sum_of_file(int file, std::uint64_t size, std::string_view name);

class ArchiveWriter {
 public:
  // `fd` stays the caller's. `name` is for messages.
  ArchiveWriter(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

  // Names have lower-case letters, digits, '-' and '.'.
  Result<void> add(std::string_view name, std::string_view content);
  // All of the file, from its beginning. Its size must not change meanwhile.
  Result<void> add_file(std::string_view name, int file, std::uint64_t size);
  // Writes the seal and the checksum. The last call.
  Result<void> finish(const MasterKey& master_key);

 private:
  Result<void> write(std::span<const std::uint8_t> bytes);
  Result<void> begin(std::string_view name, std::uint64_t size);
  Result<void> pad(std::uint64_t size);

  const int fd_;
  const std::string name_;
  Sha256 sum_;
};

class Archive {
 public:
  struct Entry {
    std::string name;
    std::uint64_t offset = 0;  // of its content
    std::uint64_t size = 0;
  };

  // Reads all of the file, and checks its form and its checksum. ErrorCode::invalid for a file that
  // is none of ours; ErrorCode::untrusted for one that is damaged or cut off.
  static Result<Archive> open(const std::string& path);

  // Without the seal and the checksum. The first is the manifest.
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  // ErrorCode::untrusted if the file was made with another master key, or changed without it.
  [[nodiscard]] Result<void> check_seal(const MasterKey& master_key) const;
  // At most `most` bytes: ErrorCode::too_large.
  [[nodiscard]] Result<std::string> read(const Entry& entry, std::size_t most) const;
  // Into a new file with mode 0600. Returns the SHA-256 of the entry, in hexadecimal.
  [[nodiscard]] Result<std::string> extract(const Entry& entry, const std::string& path) const;

 private:
  Archive(UniqueFd file, std::string path, std::uint64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}

  Result<void> check();
  Result<Entry> read_header(std::uint64_t at) const;
  Result<void> add_entry(Entry entry, Sha256& sum);
  Result<void> check_end(const Entry& last, std::uint64_t at, const Sha256& sum) const;
  Result<void> read_pieces(std::uint64_t offset, std::uint64_t size, const TakeBytes& take) const;
  [[nodiscard]] std::unexpected<Error> damaged(std::string_view why) const;

  UniqueFd file_;
  std::string path_;
  std::uint64_t size_;
  std::vector<Entry> entries_;
  std::string seal_;
  Sha256::Digest sealed_{};  // the digest that the seal must have
};

}  // namespace agent_secrets::control_plane
