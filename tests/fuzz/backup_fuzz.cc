// A backup comes from wherever backups are kept. The reader of the file sees bytes that nothing has
// verified yet; the checksum keeps a mutated manifest from its parser, so the input is also taken
// as the manifest itself. Parsers: control-plane/backup/archive.cc,
// control-plane/backup/manifest.cc
#include <string>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control-plane/backup/archive.h"
#include "control-plane/backup/manifest.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;
using namespace agent_secrets::control_plane;

namespace {

// A file in memory that is opened by its path, as a backup is.
class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("backup", MFD_CLOEXEC)) { AGENT_SECRETS_ASSERT(fd_.is_open()); }
  void fill(std::string_view content) {
    AGENT_SECRETS_ASSERT(::ftruncate(fd_.get(), 0) == 0);
    AGENT_SECRETS_ASSERT(::pwrite(fd_.get(), content.data(), content.size(), 0) ==
                         static_cast<ssize_t>(content.size()));
  }
  [[nodiscard]] std::string path() const { return fmt::format("/proc/self/fd/{}", fd_.get()); }

 private:
  UniqueFd fd_;
};

// What opens has no byte that could be another one.
void check_archive(std::string_view input) {
  static MemoryFile file;
  file.fill(input);
  const auto archive = Archive::open(file.path());
  if (!archive) return AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(archive.error()));
  AGENT_SECRETS_ASSERT(!archive->entries().empty());
  for (const Archive::Entry& entry : archive->entries()) {
    const auto content = archive->read(entry, input.size());
    AGENT_SECRETS_ASSERT(content && *content == input.substr(entry.offset, entry.size));
  }
  std::string changed(input);
  changed[changed.size() / 2] ^= 1;
  file.fill(changed);
  AGENT_SECRETS_ASSERT(!Archive::open(file.path()));
}

// The same after a journey through its own text.
void check_manifest(std::string_view input) {
  const auto manifest = parse_manifest(input);
  if (!manifest) return AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(manifest.error()));
  AGENT_SECRETS_ASSERT(manifest->regions().size() + 1 == manifest->parts.size());
  const std::string written = manifest_text(*manifest);
  const auto again = parse_manifest(written);
  AGENT_SECRETS_ASSERT(again && manifest_text(*again) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text(data, size);
  check_archive(input);
  check_manifest(input);
  return 0;
}
