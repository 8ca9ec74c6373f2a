#include "injector/bot_user.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace agent_secrets {
namespace {

// The largest number is not an id: for setresuid(2) it means "unchanged".
std::optional<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (id == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return id;
}

std::optional<std::vector<gid_t>> parse_groups(std::string_view text) {
  std::vector<gid_t> groups;
  for (;;) {
    const std::size_t comma = text.find(',');
    const auto id = parse_id(text.substr(0, comma));
    if (!id) return std::nullopt;
    groups.push_back(*id);
    if (comma == std::string_view::npos) return groups;
    text.remove_prefix(comma + 1);
  }
}

bool capset_nothing() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  return ::syscall(SYS_capset, &header, none.data()) == 0;
}

bool has_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> held{};
  if (::syscall(SYS_capget, &header, held.data()) != 0) return true;
  return std::ranges::any_of(held, [](const __user_cap_data_struct& word) {
    return word.effective != 0 || word.permitted != 0 || word.inheritable != 0;
  });
}

constexpr auto kUnchanged = static_cast<uid_t>(-1);

bool is_exactly(const BotUser& user) {
  std::array<uid_t, 3> users{};
  std::array<gid_t, 3> groups{};
  if (::getresuid(&users[0], &users[1], &users[2]) != 0) return false;
  if (::getresgid(&groups[0], &groups[1], &groups[2]) != 0) return false;
  return std::ranges::count(users, user.user) == 3 && std::ranges::count(groups, user.group) == 3 &&
         ::getgroups(0, nullptr) == static_cast<int>(user.groups.size());
}

// Tries to become root again. The group is not tried if the command has root's group.
bool can_be_root_again(const BotUser& user) {
  return ::syscall(SYS_setresuid, kUnchanged, 0, kUnchanged) == 0 ||
         (user.group != 0 && ::syscall(SYS_setresgid, kUnchanged, 0, kUnchanged) == 0);
}

}  // namespace

Result<BotUser> parse_bot_user(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto user = parse_id(text.substr(0, colon));
  const auto groups =
      colon == std::string_view::npos ? std::nullopt : parse_groups(text.substr(colon + 1));
  if (!user || !groups) {
    return fail(ErrorCode::invalid, fmt::format("--user: '{}' is not UID:GID[,GID...]", text),
                "write numbers, as `id` in the image prints them: --user 1000:1000");
  }
  if (*user == 0) {
    return fail(ErrorCode::invalid, "--user: 0 is root, which keeps every privilege",
                "name another user, or leave --user out");
  }
  BotUser bot{.user = *user, .group = groups->front(), .groups = *groups};
  std::ranges::sort(bot.groups);
  const auto twice = std::ranges::unique(bot.groups);
  bot.groups.erase(twice.begin(), twice.end());
  return bot;
}

Result<void> check_may_switch_user() {
  if (::geteuid() == 0) return {};
  return fail(ErrorCode::invalid,
              fmt::format("--user: this is user {}, and only root can become another", ::geteuid()),
              "start the injector as root, or leave --user out");
}

int drop_privileges(const BotUser& user) {
  if (::syscall(SYS_setgroups, user.groups.size(), user.groups.data()) != 0 ||
      ::syscall(SYS_setresgid, user.group, user.group, user.group) != 0 ||
      ::syscall(SYS_setresuid, user.user, user.user, user.user) != 0 || !capset_nothing()) {
    return errno;
  }
  return is_exactly(user) && !has_capabilities() && !can_be_root_again(user) ? 0 : EPERM;
}

Result<void> become(const BotUser& user) {
  const int error_number = drop_privileges(user);
  if (error_number == 0) return {};
  return fail(ErrorCode::failed,
              fmt::format("--user: become {}:{} for good: {}", user.user, user.group,
                          errno_message(error_number)),
              "the injector needs CAP_SETUID and CAP_SETGID, and IDs that its user namespace has");
}

}  // namespace agent_secrets
