#include "injector/promised_descriptors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include <fcntl.h>

#include "core/limits.h"
#include "injector/environment.h"

namespace agent_secrets {
namespace {

constexpr int kFirst = 3;  // 0, 1 and 2 always stay open

// The injector reads it; it is not for the command.
constexpr std::string_view kOwnVariables = "AGENT_SECRETS_";

// sd_listen_fds(3). The sockets are for the process with this PID.
constexpr std::string_view kListenPid = "LISTEN_PID";
constexpr std::string_view kListenCount = "LISTEN_FDS";
constexpr auto kListen =
    std::to_array<std::string_view>({kListenPid, kListenCount, "LISTEN_FDNAMES", "LISTEN_PIDFDID"});

// Numbers, separated by commas: Node's child_process.fork(), bash's trace, gunicorn's upgrade.
constexpr auto kNumbers =
    std::to_array<std::string_view>({"NODE_CHANNEL_FD", "BASH_XTRACEFD", "GUNICORN_FD"});

// GNU make, "POSIX Jobserver Interaction": `--jobserver-auth=R,W`, or `=fifo:PATH`.
constexpr auto kMakeFlags =
    std::to_array<std::string_view>({"MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS"});
constexpr auto kJobServer =
    std::to_array<std::string_view>({"--jobserver-auth=", "--jobserver-fds="});

// The number at the beginning of the text.
std::optional<int> leading_number(std::string_view text) {
  int number = 0;
  const auto [end, error] =
      std::from_chars(std::to_address(text.begin()), std::to_address(text.end()), number);
  return error == std::errc() && number >= 0 ? std::optional(number) : std::nullopt;
}

// The number that is the whole text.
std::optional<int> whole_number(std::string_view text) {
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return digits ? leading_number(text) : std::nullopt;
}

std::vector<std::optional<int>> numbers_of(std::string_view list) {
  std::vector<std::optional<int>> numbers;
  while (numbers.size() < limits::kPromisedDescriptors) {
    const std::size_t comma = list.find(',');
    numbers.push_back(whole_number(list.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return numbers;
}

class DescriptorSearch {
 public:
  DescriptorSearch(char** environment, pid_t pid) : environment_(environment), pid_(pid) {}

  PromisedDescriptors run(const std::vector<std::string>& command) {
    for (char** entry = environment_; *entry != nullptr; ++entry) {
      if (!std::string_view(*entry).starts_with(kOwnVariables)) keep_paths(*entry);
    }
    for (std::size_t i = 0; i < command.size(); ++i) {
      keep_paths(command[i]);
      keep_after(command[i], "fd://");
      keep_after(command[i], "--fd=");
      if (command[i] == "--fd" && i + 1 < command.size()) keep(whole_number(command[i + 1]));
    }
    look_at_listen();
    for (const std::string_view name : kNumbers) {
      if (const char* value = find_variable(environment_, name)) {
        judge(name, numbers_of(value), false);
      }
    }
    for (const std::string_view name : kMakeFlags) look_at_make_flags(name);
    leave_out_credential();
    std::ranges::sort(found_.kept);
    const auto repeated = std::ranges::unique(found_.kept);
    found_.kept.erase(repeated.begin(), repeated.end());
    return std::move(found_);
  }

 private:
  // False without an open descriptor of this number.
  bool keep(std::optional<int> fd) {
    if (!fd || ::fcntl(*fd, F_GETFD) < 0) return false;
    if (*fd >= kFirst) found_.kept.push_back(*fd);
    return true;
  }

  void keep_after(std::string_view text, std::string_view what) {
    if (text.starts_with(what)) keep(whole_number(text.substr(what.size())));
  }

  // Each /dev/fd/N and /proc/self/fd/N, anywhere in the text.
  void keep_paths(std::string_view text) {
    constexpr std::string_view kFd = "/fd/";
    for (std::size_t at = text.find(kFd); at != std::string_view::npos; at = text.find(kFd)) {
      const std::string_view before = text.substr(0, at);
      text.remove_prefix(at + kFd.size());
      if (before.ends_with("/dev") || before.ends_with("/proc/self")) keep(leading_number(text));
    }
  }

  // AGENT_SECRETS_CREDENTIAL_FILE=/dev/fd/N: the command never gets N, also if another variable or
  // an argument names it.
  void leave_out_credential() {
    std::vector<int> promised = std::exchange(found_.kept, {});
    for (char** entry = environment_; *entry != nullptr; ++entry) {
      if (std::string_view(*entry).starts_with(kOwnVariables)) keep_paths(*entry);
    }
    const std::vector<int> own = std::exchange(found_.kept, std::move(promised));
    std::erase_if(found_.kept, [&](int fd) { return std::ranges::find(own, fd) != own.end(); });
  }

  void judge(std::string_view variable, const std::vector<std::optional<int>>& fds,
             bool is_expected) {
    const std::size_t kept_before = found_.kept.size();
    for (const auto& fd : fds) {
      if (keep(fd)) continue;
      found_.kept.resize(kept_before);
      found_.broken.push_back({.variable = variable, .is_expected = is_expected});
      return;
    }
  }

  // Not a warning: often the environment was inherited from the process that the sockets were for.
  void look_at_listen() {
    const char* count = find_variable(environment_, kListenCount);
    if (count == nullptr) return;
    const char* pid = find_variable(environment_, kListenPid);
    const bool is_ours = pid != nullptr && whole_number(pid) == pid_;
    std::vector<std::optional<int>> fds = {std::nullopt};
    const auto number = whole_number(count);
    if (is_ours && number && std::cmp_less_equal(*number, limits::kPromisedDescriptors)) {
      fds.resize(static_cast<std::size_t>(*number));
      for (int i = 0; i < *number; ++i) fds[static_cast<std::size_t>(i)] = kFirst + i;
    }
    judge(kListenCount, fds, !is_ours);
  }

  void look_at_make_flags(std::string_view name) {
    const char* value = find_variable(environment_, name);
    if (value == nullptr) return;
    for (const std::string_view option : kJobServer) {
      std::string_view text(value);
      const std::size_t at = text.rfind(option);  // the last of several options counts
      if (at == std::string_view::npos) continue;
      text.remove_prefix(at + option.size());
      text = text.substr(0, text.find(' '));
      if (!text.starts_with("fifo:")) judge(name, numbers_of(text), true);
      return;
    }
  }

  char** environment_;
  pid_t pid_;
  PromisedDescriptors found_;
};

void remove_variable(char** environment, std::string_view name) {
  char** kept = environment;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const bool is_named = text.starts_with(name) && text.substr(name.size()).starts_with('=');
    if (!is_named) *kept++ = *entry;
  }
  *kept = nullptr;
}

}  // namespace

PromisedDescriptors find_promised_descriptors(const std::vector<std::string>& command,
                                              char** environment, pid_t pid) {
  return DescriptorSearch(environment, pid).run(command);
}

void remove_broken_promises(const PromisedDescriptors& promised, char** environment,
                            const Log& log) {
  for (const BrokenPromise& broken : promised.broken) {
    constexpr std::string_view kMessage =
        "a variable promises descriptors that the command cannot have: it is left out";
    if (broken.is_expected) {
      log.debug(kMessage, {{"variable", broken.variable}});
    } else {
      log.warning(kMessage, {{"variable", broken.variable}});
    }
    remove_variable(environment, broken.variable);
    if (broken.variable != kListenCount) continue;
    for (const std::string_view name : kListen) remove_variable(environment, name);
  }
}

}  // namespace agent_secrets
