#include "control-plane/commands/since_backup.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "control-plane/audit/record.h"
#include "core/clock.h"
#include "core/json_reader.h"
#include "core/printable.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kLineMax = 64UZ * 1024;  // a record has bounded texts (limits::kAuditText)
constexpr std::size_t kTextMax = 8192;

struct Group {
  const char* title;
  std::array<std::string_view, 6> actions;
};

// In the order in which an operator should do them. Other actions come last.
constexpr std::array kGroups = {
    Group{"Revoke or remove again, first of all:",
          {"credential.revoke", "token.revoke", "api-key.revoke", "member.remove", "user.remove",
           "organization.disallow-name"}},
    Group{"Protect again, or take the protection away:", {"set.protect", "set.unprotect"}},
    Group{"Write again (the values are not in the log):",
          {"set.write", "set.unset-key", "set.delete"}},
    Group{"Make again:",
          {"credential.add", "token.create", "api-key.create", "user.create", "member.put",
           "organization.create"}},
    Group{"Deploy again:", {"agent.create", "agent.deploy", "agent.delete"}},
    Group{"Other changes:", {}},
};

std::size_t group_of(std::string_view action) {
  const auto found = std::ranges::find_if(kGroups, [&](const Group& group) {
    return std::ranges::find(group.actions, action) != group.actions.end();
  });
  return found == kGroups.end() ? kGroups.size() - 1
                                : static_cast<std::size_t>(found - kGroups.begin());
}

class Changes {
 public:
  explicit Changes(UnixMs time) : time_(time) {}

  Result<void> read(std::string_view line) {
    JsonDocument document(line, kLineMax);
    const JsonObject record = document.root();
    const UnixMs at{record.integer("time_ms")};
    const std::string action(record.text("action", kTextMax));
    const std::string organization(record.text_or_empty("organization", kTextMax));
    const std::string object(record.text_or_empty("object", kTextMax));
    const std::string detail(record.text_or_empty("detail", kTextMax));
    const bool is_done = record.text("outcome", kTextMax) == kAuditDone;
    // Records of versions without authority codes do not have this member.
    const bool is_authentic = !record.has("authentic") || record.boolean("authentic");
    if (auto read = document.finish(); !read) return read;
    if (at <= time_ || !is_done) return {};
    if (!is_authentic) {
      ++left_out_;
      return {};
    }
    const std::string of = organization.empty() ? "" : fmt::format(" of {}", organization);
    groups_[group_of(action)][fmt::format("{}  {}{}", action, object, of)] = detail;
    return {};
  }

  [[nodiscard]] std::string text() const {
    std::string text;
    for (std::size_t i = 0; i < kGroups.size(); ++i) {
      if (groups_.at(i).empty()) continue;
      text += fmt::format("{}\n", kGroups.at(i).title);
      for (const auto& [change, detail] : groups_.at(i)) {
        text += fmt::format("  {}", printable(change));
        text += detail.empty() ? "\n" : fmt::format(": {}\n", printable(detail));
      }
    }
    if (text.empty()) text = "No change since then is in the audit records.\n";
    if (left_out_ > 0) {
      text += fmt::format("Left out, because no server has written them: {} records\n", left_out_);
    }
    return text;
  }

 private:
  const UnixMs time_;
  std::array<std::map<std::string, std::string>, kGroups.size()> groups_;  // change, detail
  std::int64_t left_out_ = 0;
};

}  // namespace

Result<std::string> list_changes_since(const std::string& file, UnixMs time) {
  std::ifstream lines(file, std::ios::binary);
  if (!lines) return fail(ErrorCode::not_found, file + ": cannot be read");
  Changes changes(time);
  std::string line;
  for (std::int64_t number = 1; std::getline(lines, line); ++number) {
    if (line.empty()) continue;
    auto read = changes.read(line);
    if (!read)
      return propagate(read, fmt::format("{}: line {} is not an audit record", file, number));
  }
  if (!lines.eof()) return fail(ErrorCode::failed, file + ": cannot be read to its end");
  return changes.text();
}

}  // namespace agent_secrets::control_plane
