#include "control-plane/backup/archive.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/encoding.h"
#include "core/limits.h"
#include "core/secret_buffer.h"
#include "core/write_file.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kSeal = "seal";
constexpr std::string_view kSum = "sha256";
constexpr std::string_view kSealId = "backup";  // for MasterKey, which names what it encrypts
constexpr std::string_view kSealPurpose = "backup seal";

constexpr std::size_t kBlock = 512;
constexpr std::size_t kNameMax = 99;
constexpr std::size_t kSizeDigits = 11;                             // octal
constexpr std::uint64_t kEntryMax = (std::uint64_t{1} << 33U) - 1;  // of as many digits
constexpr std::size_t kSealMax = 256;
constexpr std::size_t kBuffer = 64uz * 1024;

using Block = std::array<std::uint8_t, kBlock>;

void put(Block& block, std::size_t at, std::string_view text) {
  std::ranges::copy(as_bytes(text), block.begin() + static_cast<std::ptrdiff_t>(at));
}

// A regular file of mode 0600, without owner and time.
Block header_of(std::string_view name, std::uint64_t size) {
  constexpr std::size_t kSumAt = 148;
  Block block{};
  put(block, 0, name);
  put(block, 100, "0000600");
  put(block, 108, "0000000");
  put(block, 116, "0000000");
  put(block, 124, fmt::format("{:0{}o}", size, kSizeDigits));
  put(block, 136, "00000000000");
  put(block, kSumAt, "        ");
  put(block, 156, "0");
  put(block, 257, "ustar");
  put(block, 263, "00");
  std::uint32_t sum = 0;
  for (const std::uint8_t byte : block) sum += byte;
  put(block, kSumAt, fmt::format("{:06o}", sum));
  block.at(kSumAt + 6) = 0;
  return block;
}

std::uint64_t padding_of(std::uint64_t size) { return (kBlock - size % kBlock) % kBlock; }

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

// The last entry, and the two empty blocks that end an archive.
std::vector<std::uint8_t> end_of(const Sha256& sum) {
  const std::string text = sum.hex() + "\n";
  std::vector<std::uint8_t> end(4 * kBlock);
  std::ranges::copy(header_of(kSum, text.size()), end.begin());
  std::ranges::copy(as_bytes(text), end.begin() + kBlock);
  return end;
}

std::unexpected<Error> io_failure(std::string_view verb, std::string_view name) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", verb, name, errno_message(errno)));
}

struct Range {
  int file;
  std::string_view name;  // for messages
  std::uint64_t offset;
  std::uint64_t size;
};

Result<void> read_range(const Range& range, const TakeBytes& take) {
  std::vector<std::uint8_t> buffer(std::min<std::uint64_t>(kBuffer, range.size));
  for (std::uint64_t at = 0; at < range.size;) {
    const auto wanted = std::min<std::uint64_t>(buffer.size(), range.size - at);
    const ssize_t count =
        ::pread(range.file, buffer.data(), wanted, static_cast<off_t>(range.offset + at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_failure("read", range.name);
    if (count == 0) {
      return fail(ErrorCode::failed, fmt::format("read {}: it became shorter", range.name));
    }
    at += static_cast<std::uint64_t>(count);
    auto taken = take(std::span<const std::uint8_t>(buffer).first(static_cast<std::size_t>(count)));
    if (!taken) return taken;
  }
  return {};
}

}  // namespace

Result<std::string> sum_of_file(int file, std::uint64_t size, std::string_view name) {
  Sha256 sum;
  auto read = read_range({.file = file, .name = name, .offset = 0, .size = size},
                         [&](auto bytes) -> Result<void> {
                           sum.add(bytes);
                           return {};
                         });
  if (!read) return propagate(read);
  return sum.hex();
}

Result<void> ArchiveWriter::write(std::span<const std::uint8_t> bytes) {
  sum_.add(bytes);
  return write_all(fd_, as_text(bytes), name_);
}

Result<void> ArchiveWriter::begin(std::string_view name, std::uint64_t size) {
  AGENT_SECRETS_ASSERT(is_name(name));
  if (size <= kEntryMax) return write(header_of(name, size));
  return fail(ErrorCode::too_large, fmt::format("{} has more than 8 GiB", name),
              "back up the database with its own tools (docs/OPERATIONS.md, Backups)");
}

Result<void> ArchiveWriter::pad(std::uint64_t size) {
  constexpr Block kZeros{};
  return write(std::span(kZeros).first(padding_of(size)));
}

Result<void> ArchiveWriter::add(std::string_view name, std::string_view content) {
  if (auto begun = begin(name, content.size()); !begun) return begun;
  if (auto written = write(as_bytes(content)); !written) return written;
  return pad(content.size());
}

Result<void> ArchiveWriter::add_file(std::string_view name, int file, std::uint64_t size) {
  if (auto begun = begin(name, size); !begun) return begun;
  auto written = read_range({.file = file, .name = name, .offset = 0, .size = size},
                            [this](auto bytes) { return write(bytes); });
  if (!written) return written;
  return pad(size);
}

Result<void> ArchiveWriter::finish(const MasterKey& master_key) {
  const auto digest = sum_.digest();
  const auto seal = master_key.wrap(kSealId, kSealPurpose, SecretBuffer::copy_of(as_text(digest)));
  if (auto added = add(kSeal, base64url_encode(seal) + "\n"); !added) return added;
  return write(end_of(sum_));
}

std::unexpected<Error> Archive::damaged(std::string_view why) const {
  return fail(ErrorCode::untrusted, fmt::format("{} is damaged: {}", path_, why),
              "use another copy of this backup, or an older one");
}

Result<Archive> Archive::open(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return io_failure("open", path);
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return io_failure("stat", path);
  if (!S_ISREG(facts.st_mode)) {
    return fail(ErrorCode::invalid, path + " is not a regular file",
                "write the backup to a file first");
  }
  Archive archive(std::move(file), path, static_cast<std::uint64_t>(facts.st_size));
  if (auto ok = archive.check(); !ok) return propagate(ok);
  return archive;
}

Result<void> Archive::read_pieces(std::uint64_t offset, std::uint64_t size,
                                  const TakeBytes& take) const {
  if (offset > size_ || size > size_ - offset) return damaged("it ends too early");
  return read_range({.file = file_.get(), .name = path_, .offset = offset, .size = size}, take);
}

Result<Archive::Entry> Archive::read_header(std::uint64_t at) const {
  Block block{};
  std::size_t filled = 0;
  auto read = read_pieces(at, kBlock, [&](std::span<const std::uint8_t> bytes) -> Result<void> {
    std::ranges::copy(bytes, block.begin() + static_cast<std::ptrdiff_t>(filled));
    filled += bytes.size();
    return {};
  });
  if (!read) return propagate(read);
  constexpr std::size_t kSizeAt = 124;
  const std::string_view text = as_text(block);
  const std::string_view name = text.substr(0, text.find('\0'));
  const std::string_view digits = text.substr(kSizeAt, kSizeDigits);
  std::uint64_t size = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), size, 8);
  const bool is_ours = is_name(name) && parsed.ec == std::errc() && header_of(name, size) == block;
  if (!is_ours) return damaged(fmt::format("a wrong header at byte {}", at));
  return Entry{.name = std::string(name), .offset = at + kBlock, .size = size};
}

Result<void> Archive::check() {
  const auto not_ours = [this] {
    return fail(ErrorCode::invalid, path_ + " is not a backup of secret-control-plane",
                "give a file that secret-control-plane backup create has written");
  };
  if (size_ < kBlock) return not_ours();
  Sha256 sum;
  for (std::uint64_t at = 0;;) {
    auto entry = read_header(at);
    if (!entry && at == 0) return not_ours();
    if (!entry) return propagate(entry);
    if (at == 0 && entry->name != kManifest) return not_ours();
    if (entry->name == kSum) return check_end(*entry, at, sum);
    if (!seal_.empty()) return damaged("the seal is not its last part");
    const std::uint64_t end = entry->offset + entry->size + padding_of(entry->size);
    if (auto added = add_entry(std::move(*entry), sum); !added) return added;
    at = end;
  }
}

Result<void> Archive::add_entry(Entry entry, Sha256& sum) {
  if (entries_.size() > limits::kBackupParts) return damaged("it has too many parts");
  if (entry.name == kSeal) {
    auto seal = read(entry, kSealMax);
    if (!seal) return propagate(seal);
    seal_ = std::move(*seal);
    sealed_ = sum.digest();
  }
  const std::uint64_t size = kBlock + entry.size + padding_of(entry.size);
  auto summed = read_pieces(entry.offset - kBlock, size, [&](auto bytes) -> Result<void> {
    sum.add(bytes);
    return {};
  });
  if (!summed) return summed;
  if (entry.name != kSeal) entries_.push_back(std::move(entry));
  return {};
}

Result<void> Archive::check_end(const Entry& last, std::uint64_t at, const Sha256& sum) const {
  const std::vector<std::uint8_t> wanted = end_of(sum);
  if (seal_.empty()) return damaged("it has no seal");
  if (size_ - at < wanted.size()) return damaged("it ends too early");
  if (size_ - at > wanted.size()) return damaged("something follows its end");
  std::vector<std::uint8_t> found;
  auto read = read_pieces(last.offset - kBlock, wanted.size(), [&](auto bytes) -> Result<void> {
    found.insert(found.end(), bytes.begin(), bytes.end());
    return {};
  });
  if (!read) return read;
  if (found != wanted) return damaged("its checksum is wrong");
  return {};
}

Result<void> Archive::check_seal(const MasterKey& master_key) const {
  const auto box = base64url_decode(std::string_view(seal_).substr(0, seal_.size() - 1));
  if (!box) return damaged("its seal is not one");
  const auto digest = master_key.unwrap(kSealId, kSealPurpose, *box);
  if (!digest) {
    return fail(ErrorCode::untrusted, path_ + " was not made with this master key",
                "give the master key that the control plane had at the time of the backup");
  }
  if (std::ranges::equal(digest->expose(), sealed_)) return {};
  return fail(ErrorCode::untrusted,
              path_ + " was changed after it was made, by someone without the master key",
              "do not use it: use another copy of this backup, or an older one");
}

Result<std::string> Archive::read(const Entry& entry, std::size_t most) const {
  if (entry.size > most) {
    return fail(ErrorCode::too_large, fmt::format("{}: {} is too large", path_, entry.name));
  }
  std::string content;
  auto read = read_pieces(entry.offset, entry.size, [&](auto bytes) -> Result<void> {
    content += as_text(bytes);
    return {};
  });
  if (!read) return propagate(read);
  return content;
}

Result<std::string> Archive::extract(const Entry& entry, const std::string& path) const {
  const UniqueFd file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) return io_failure("create", path);
  Sha256 sum;
  auto extracted = read_pieces(entry.offset, entry.size, [&](auto bytes) {
    sum.add(bytes);
    return write_all(file.get(), as_text(bytes), path);
  });
  if (!extracted) return propagate(extracted);
  return sum.hex();
}

}  // namespace agent_secrets::control_plane
