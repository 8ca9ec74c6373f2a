#include "sidecar/watch_answer.h"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/json_reader.h"
#include "core/jws.h"
#include "core/limits.h"
#include "core/printable.h"

namespace agent_secrets::sidecar {
namespace {

namespace json = boost::json;

std::optional<WatchState> parse_state(std::string_view text) {
  for (const WatchState state : kWatchStates) {
    if (to_string(state) == text) return state;
  }
  return std::nullopt;
}

// A set's name or a key, with only the characters that the control plane accepts, because names are
// shown on terminals.
std::string read_name(const JsonObject& object, std::string_view member, std::string_view text) {
  const bool plain = std::ranges::all_of(
      text, [](char c) { return c == '.' || is_key_id(std::string_view(&c, 1)); });
  if (!plain) object.refuse(member, "other characters than [A-Za-z0-9_.-]");
  return std::string(text);
}

RunningVersions read_running(const JsonObject& object) {
  RunningVersions running;
  running.sequence = object.integer("sequence");
  running.deployment = object.optional_name_text("deployment", limits::kWireName);
  for (const auto& set : object.objects("sets", limits::kBundleSets)) {
    running.sets.push_back(
        {.name = read_name(set, "name", set.name_text("name", limits::kSetNameMax)),
         .version = set.integer("version")});
  }
  return running;
}

LatestVersions read_latest(const JsonObject& object) {
  LatestVersions latest;
  latest.sequence = object.integer("sequence");
  latest.deployment = object.optional_name_text("deployment", limits::kWireName);
  for (const auto& set : object.objects("sets", limits::kBundleSets)) {
    LatestSet newest{.name = read_name(set, "name", set.name_text("name", limits::kSetNameMax)),
                     .version = set.integer("version"),
                     .changed_keys = {}};
    for (const auto key : set.texts("changed_keys", limits::kKeysPerSet, limits::kKeyNameMax)) {
      newest.changed_keys.push_back(read_name(set, "changed_keys", key));
    }
    latest.sets.push_back(std::move(newest));
  }
  return latest;
}

std::optional<std::int64_t> running_version(const WatchAnswer& answer, std::string_view set) {
  if (!answer.running) return std::nullopt;
  for (const SetVersion& running : answer.running->sets) {
    if (running.name == set) return running.version;
  }
  return std::nullopt;
}

std::string describe_change(const LatestSet& set, std::optional<std::int64_t> from) {
  std::string text = from ? fmt::format("{} v{}→v{}", set.name, *from, set.version)
                          : fmt::format("{} →v{}", set.name, set.version);
  if (!set.changed_keys.empty()) {
    text += fmt::format(" changed: {}", fmt::join(set.changed_keys, ", "));
  }
  return text;
}

}  // namespace

std::string_view to_string(WatchState state) {
  switch (state) {
    case WatchState::unknown:
      return "unknown";
    case WatchState::current:
      return "current";
    case WatchState::stale:
      return "stale";
    case WatchState::superseded:
      return "superseded";
    case WatchState::revoked:
      return "revoked";
    case WatchState::unbound:
      return "unbound";
  }
  AGENT_SECRETS_ASSERT(false);
}

Result<WatchAnswer> parse_watch_answer(std::string_view text) {
  JsonDocument document(text, limits::kResponseBody);
  const JsonObject root = document.root();
  WatchAnswer answer;
  if (const auto state = parse_state(root.text("state", limits::kWireName))) {
    answer.state = *state;
  } else {
    root.refuse("state", "not a state that this version knows");
  }
  answer.organization = root.optional_name_text("organization", limits::kWireName);
  answer.agent = root.optional_name_text("agent", limits::kWireName);
  if (root.has("running")) answer.running = read_running(root.object("running"));
  if (root.has("latest")) answer.latest = read_latest(root.object("latest"));
  if (auto read = document.finish(); !read) return propagate(read);
  return answer;
}

Result<void> check_addressee(const WatchAnswer& answer, std::string_view organization,
                             std::string_view agent, std::int64_t running_sequence) {
  const bool may_be_nameless =
      answer.state == WatchState::revoked || answer.state == WatchState::unbound;
  const auto is = [&](const std::string& named, std::string_view own) {
    return named == own || (named.empty() && may_be_nameless);
  };
  if (!is(answer.organization, organization) || !is(answer.agent, agent)) {
    return fail(
        ErrorCode::untrusted,
        fmt::format("it is for agent '{}' of '{}', not for '{}' of '{}'", printable(answer.agent),
                    printable(answer.organization), agent, organization));
  }
  if (answer.running && answer.running->sequence != running_sequence) {
    return fail(ErrorCode::untrusted, fmt::format("it is about release {}, and {} runs",
                                                  answer.running->sequence, running_sequence));
  }
  return {};
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value running_json(const WatchAnswer& answer) {
  if (!answer.running) return nullptr;
  json::array sets;
  for (const SetVersion& set : answer.running->sets) {
    sets.push_back({{"name", set.name}, {"version", set.version}});
  }
  return {{"sequence", answer.running->sequence},
          {"deployment", text_or_null(answer.running->deployment)},
          {"sets", std::move(sets)}};
}

json::value latest_json(const WatchAnswer& answer) {
  if (!answer.latest) return nullptr;
  json::array sets;
  for (const LatestSet& set : answer.latest->sets) {
    json::array keys(set.changed_keys.begin(), set.changed_keys.end());
    sets.push_back(
        {{"name", set.name}, {"version", set.version}, {"changed_keys", std::move(keys)}});
  }
  return {{"sequence", answer.latest->sequence},
          {"deployment", text_or_null(answer.latest->deployment)},
          {"sets", std::move(sets)}};
}

std::string describe_changes(const WatchAnswer& answer) {
  std::string text;
  if (!answer.latest) return text;
  for (const LatestSet& set : answer.latest->sets) {
    const auto from = running_version(answer, set.name);
    if (from == set.version) continue;
    if (!text.empty()) text += "; ";
    text += describe_change(set, from);
  }
  return text;
}

}  // namespace agent_secrets::sidecar
