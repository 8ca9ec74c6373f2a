#include "injector/check_value_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/printable.h"
#include "injector/exec.h"
#include "injector/value_files.h"

namespace agent_secrets {
namespace {

// Makes an empty file in memory, which is removed at once.
Result<void> try_file(const EntrySource& source, const PathFileOptions& options) {
  if (!source.file->path.empty()) return check_path_file(source.file->path, options);
  const auto memory = make_memory_file(source.key, "", std::nullopt);
  return memory ? Result<void>() : std::unexpected(memory.error());
}

}  // namespace

Step files_step(const Arrangement& arranged, const PathFileOptions& options) {
  std::vector<std::string> files;
  for (std::size_t i = 0; i < arranged.entries.size(); ++i) {
    const EntrySource& source = arranged.sources[i];
    if (source.file == nullptr) continue;
    if (auto tried = try_file(source, options); !tried) {
      return failed_step("files", Error(tried.error()).within(printable(source.key)),
                         kExitInjectorFailed);
    }
    files.push_back(
        fmt::format("{} as {} in {}", source.key, arranged.entries[i].key, source.path));
  }
  return {.name = "files",
          .detail = fmt::format("{}", fmt::join(files, ", ")),
          .facts = {{"files", files}}};
}

}  // namespace agent_secrets
