#include "injector/value_files.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/printable.h"
#include "injector/exec.h"
#include "injector/sealed_memory.h"

namespace agent_secrets {
namespace {

// Above the final numbers of all files, so that no dup2() replaces a descriptor that is still
// needed.
constexpr int kWaiting = kFirstFileDescriptor + static_cast<int>(limits::kSecretFiles);

constexpr const char* kNoMemoryHint =
    "allow memfd_create in the container's seccomp profile, or name a path on a tmpfs: "
    "--file KEY=VARIABLE:/run/agent-secrets/files/NAME";

std::unexpected<Error> fail_errno(std::string_view what, std::string hint) {
  return fail(ErrorCode::failed, fmt::format("{}: {}", what, errno_message(errno)),
              std::move(hint));
}

// memfd_create(2) takes 249 bytes.
std::string name_for_kernel(std::string_view key) {
  return printable(key.substr(0, limits::kKeyNameMax)).substr(0, 4 * limits::kKeyNameMax - 8);
}

}  // namespace

Result<UniqueFd> make_memory_file(std::string_view key, std::string_view content,
                                  const std::optional<BotUser>& user) {
  auto memory = seal_in_memory(name_for_kernel(key), content);
  if (!memory) {
    memory.error().hint = kNoMemoryHint;
    return propagate(memory);
  }
  if (::fchmod(memory->get(), 0400) != 0) return fail_errno("chmod memfd", kNoMemoryHint);
  if (user && ::fchown(memory->get(), user->user, user->group) != 0) {
    return fail_errno("chown memfd", "the injector needs CAP_CHOWN to give the file to --user");
  }
  UniqueFd waiting(::fcntl(memory->get(), F_DUPFD_CLOEXEC, kWaiting));
  if (!waiting.is_open()) {
    return fail_errno("dup memfd",
                      fmt::format("raise the limit of open files to {} or more (ulimit -n)",
                                  kWaiting + static_cast<int>(limits::kSecretFiles)));
  }
  return waiting;
}

Result<ValueFiles> ValueFiles::make(const Arrangement& arranged,
                                    const std::vector<char*>& environment,
                                    const PathFileOptions& options, const StateFolder& state,
                                    const Log& log) {
  ValueFiles files;
  for (const char* assignment : environment) {
    const EntrySource* source = assignment == nullptr ? nullptr : arranged.source_of(assignment);
    if (source == nullptr || source->file == nullptr) continue;
    if (!source->file->path.empty() && state.kind == RunKind::beside_bot) {
      return fail(
          ErrorCode::conflict,
          fmt::format("{}: a bot runs here already, and {} may be its file", source->key,
                      source->file->path),
          "use --file KEY=VARIABLE without a path, or give this run its own --state-dir and "
          "path");
    }
    if (auto added = files.add(*source, options); !added) {
      return propagate(added, printable(source->key));
    }
  }
  std::ranges::sort(files.in_memory_, {}, &InMemory::number);
  files.keep_record(state, log);
  return files;
}

Result<void> ValueFiles::add(const EntrySource& source, const PathFileOptions& options) {
  if (source.file->path.empty()) {
    if (source.descriptor >= kWaiting) {
      return fail(ErrorCode::conflict,
                  fmt::format("descriptors {} to {} are promised to the command",
                              kFirstFileDescriptor, kWaiting - 1),
                  "variables or arguments name them: use other numbers there");
    }
    auto memory = make_memory_file(source.key, source.value, options.user);
    if (!memory) return propagate(memory);
    in_memory_.push_back({.fd = std::move(*memory), .number = source.descriptor});
    return {};
  }
  auto file = PathFile::make(source.file->path, source.value, options);
  if (!file) return propagate(file);
  at_paths_.push_back(std::move(*file));
  return {};
}

void ValueFiles::keep_record(const StateFolder& state, const Log& log) const {
  if (at_paths_.empty()) return;
  FileRecord record{.bot = ::getpid(), .files = {}};
  for (const PathFile& file : at_paths_) record.files.push_back(file.record());
  Result<void> written =
      fail(ErrorCode::not_found, fmt::format("no state directory {}", state.path));
  if (state.fd.is_open()) written = write_record(state.fd.get(), record);
  if (written) return;
  log.warning("files with values stay after the command's end, until a start with the same paths",
              {{"cause", written.error().message},
               {"hint", "make a state directory, or name one with --state-dir"}});
}

Result<void> ValueFiles::place(std::vector<int> kept) const {
  for (const InMemory& file : in_memory_) {
    // dup2() makes it inheritable. No descriptor that the injector still needs has this number.
    if (::dup2(file.fd.get(), file.number) < 0) return fail_errno("dup memfd", "");
  }
  for (const InMemory& file : in_memory_) kept.push_back(file.number);
  std::ranges::sort(kept);
  close_from(3, kept);
  return {};
}

}  // namespace agent_secrets
