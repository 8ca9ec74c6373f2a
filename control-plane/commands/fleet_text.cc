#include "control-plane/commands/fleet_text.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control-plane/commands/admin.h"
#include "core/printable.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kNamesShown = 10;

Colour colour_of(std::string_view state) {
  if (state == "current") return Colour::green;
  return state == "stale" || state == "superseded" ? Colour::yellow : Colour::red;
}

Colour colour_of(SafeToRevoke safe) {
  if (safe == SafeToRevoke::yes) return Colour::green;
  return safe == SafeToRevoke::no ? Colour::red : Colour::yellow;
}

std::string short_time(milliseconds time, milliseconds now) {
  const auto moment = fmt::gmtime(std::chrono::floor<seconds>(time).count());
  const bool today = std::chrono::floor<days>(time) == std::chrono::floor<days>(now);
  return today ? fmt::format("{:%H:%M}", moment) : fmt::format("{:%Y-%m-%d %H:%M}", moment);
}

std::string age(milliseconds time, milliseconds now) {
  const auto passed = std::max(std::chrono::floor<seconds>(now - time), seconds(0));
  if (passed < std::chrono::minutes(2)) return fmt::format("{} s ago", passed.count());
  if (passed < std::chrono::hours(2)) return fmt::format("{} min ago", passed.count() / 60);
  if (passed < days(2)) return fmt::format("{} h ago", passed.count() / 3600);
  return fmt::format("{} days ago", passed.count() / 86'400);
}

std::string plural(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::string runs(const FleetInstance& instance) {
  if (!instance.release) return "unknown";
  std::string text;
  for (const PinnedSet& set : instance.release->sets) {
    text += fmt::format("{}{} v{}", text.empty() ? "" : ", ", set.name, set.version);
  }
  return text.empty() ? "no set" : text;
}

TableRow row_of(const FleetAgent& agent, const FleetInstance& instance, milliseconds now) {
  const InstanceRecord& heard = instance.heard;
  return {agent.name + (agent.deleted ? " (deleted)" : ""),
          heard.instance,
          {std::string(instance.state), colour_of(instance.state)},
          runs(instance),
          std::to_string(heard.active_sessions),
          short_time(heard.first_seen, now),
          age(heard.last_heard, now),
          heard.watched ? "yes" : "no",
          or_dash(heard.kid)};
}

// Without the column of sessions, because a developer's run does not report them.
TableRow developers_row_of(const FleetAgent& agent, const FleetInstance& run, milliseconds now) {
  const TableRow row = row_of(agent, run, now);
  return {row[0], row[1], row[2], row[3], short_time(run.heard.since, now), row[6], row[8]};
}

// "; 3 of 40 instances still on version 6 of bot-secrets", for each older one.
std::string behind(const FleetAgent& agent) {
  std::map<std::pair<std::string, std::int64_t>, std::size_t> older;
  std::size_t unknown = 0;
  for (const FleetInstance& instance : agent.instances) {
    if (!instance.release) ++unknown;
    for (const PinnedSet& set : agent.sets) {
      const auto version = instance.version_of(set.set_id);
      if (version && *version < set.latest_version) ++older[{set.name, *version}];
    }
  }
  std::string text;
  const std::size_t all = agent.instances.size();
  for (const auto& [what, count] : older) {
    text += fmt::format("; {} of {} still on version {} of {}", count, plural(all, "instance"),
                        what.second, what.first);
  }
  if (unknown > 0) {
    text += fmt::format("; {} of {} of unknown version", unknown, plural(all, "instance"));
  }
  return text;
}

std::string summary(const FleetAgent& agent) {
  const auto unwatched = static_cast<std::size_t>(std::ranges::count_if(
      agent.instances, [](const FleetInstance& instance) { return !instance.heard.watched; }));
  std::string text =
      fmt::format("{}: {}, {}", agent.name, plural(agent.instances.size(), "instance"),
                  plural(static_cast<std::size_t>(agent.active_sessions()), "session"));
  text += behind(agent);
  if (unwatched > 0) text += fmt::format("; {} without a sidecar", unwatched);
  if (const std::size_t runs = agent.developer_runs.size(); runs > 0) {
    text += runs == 1 ? "; 1 developer's run" : fmt::format("; {} developers' runs", runs);
  }
  if (!agent.silent.empty()) text += fmt::format("; {} fell silent", agent.silent.size());
  return printable(text) + "\n";
}

std::string warning(bool is_served, const Listening& listening, milliseconds now) {
  if (is_served) return {};
  if (listening.until.count() == 0) return "no server has listened to this region yet\n";
  return fmt::format("no server listens: this is what was known at {}\n",
                     short_time(listening.until, now));
}

std::string names(const std::vector<std::string>& all) {
  if (all.size() <= kNamesShown) return fmt::format("{}", fmt::join(all, ", "));
  const std::vector<std::string> first(all.begin(), all.begin() + kNamesShown);
  return fmt::format("{} and {} more", fmt::join(first, ", "), all.size() - kNamesShown);
}

std::string agent_line(const AgentUse& use, milliseconds now) {
  std::string line = fmt::format("    {}{}: {}", use.agent, use.deleted ? " (deleted)" : "",
                                 plural(use.instances, "instance"));
  if (!use.unwatched.empty()) {
    line += fmt::format(", {} without a sidecar since {}: {}", use.unwatched.size(),
                        short_time(*use.unwatched_since, now), names(use.unwatched));
  }
  if (!use.developer_runs.empty()) {
    line +=
        fmt::format(", {} by developers, the last {}: {}", plural(use.developer_runs.size(), "run"),
                    short_time(*use.last_developer_start, now), names(use.developer_runs));
  }
  return printable(line) + "\n";
}

std::string safe_text(SafeToRevoke safe, const std::string& reason, const TerminalStyle& style) {
  std::string text = "safe to revoke: " + style.paint(colour_of(safe), to_string(safe));
  if (!reason.empty()) text += " (" + printable(reason) + ")";
  return text;
}

std::string version_text(const SetUsage& usage, const VersionUse& use, milliseconds now,
                         const TerminalStyle& style) {
  std::string text = fmt::format("v{}: {} of {}", use.version, use.instances(),
                                 plural(usage.instances, "instance"));
  if (const auto since = use.oldest_since()) {
    text += ", oldest since " + short_time(*since, now);
  }
  if (!use.pinned_by.empty())
    text += printable(fmt::format(", deployed to {}", names(use.pinned_by)));
  text += ", " + safe_text(use.safe, use.reason, style) + "\n";
  for (const AgentUse& agent : use.agents) text += agent_line(agent, now);
  if (use.silent > 0) {
    text += fmt::format("    {} that watched fell silent with it: gone, or without their sidecar\n",
                        plural(use.silent, "instance"));
  }
  return text;
}

}  // namespace

std::string fleet_text(const std::vector<Fleet>& fleets, milliseconds now,
                       const TerminalStyle& style) {
  std::vector<TableRow> rows{{"AGENT", "INSTANCE", "STATE", "RUNS", "SESSIONS", "FIRST SEEN (UTC)",
                              "LAST HEARD", "WATCHED", "KEY ID"}};
  std::vector<TableRow> runs{{"AGENT", "DEVELOPER'S RUN", "STATE", "RUNS", "FIRST STARTED (UTC)",
                              "LAST STARTED", "KEY ID"}};
  std::string summaries;
  std::string warnings;
  for (const Fleet& fleet : fleets) {
    const std::string warned = warning(fleet.is_served, fleet.listening, now);
    if (!warned.empty()) warnings += printable("region " + fleet.region) + ": " + warned;
    for (const FleetAgent& agent : fleet.agents) {
      for (const FleetInstance& instance : agent.instances) {
        rows.push_back(row_of(agent, instance, now));
      }
      for (const FleetInstance& run : agent.developer_runs) {
        runs.push_back(developers_row_of(agent, run, now));
      }
      summaries += summary(agent);
    }
  }
  if (summaries.empty()) return warnings + "no instance has been heard of\n";
  std::string text = rows.size() > 1 ? format_table(rows, style) + "\n" : "";
  if (runs.size() > 1) text += format_table(runs, style) + "\n";
  return text + summaries + warnings;
}

std::string set_status_text(const SetUsage& usage, milliseconds now, const TerminalStyle& style) {
  const SecretSet& set = usage.set;
  std::string text =
      fmt::format("{}: {}{}, version {}", set.name, to_string(set.status),
                  set.status == SetStatus::failed ? " (" + set.error_message + ")" : std::string(),
                  set.version);
  if (set.ready_version != set.version) {
    text += fmt::format(" (newest ready: {})", set.ready_version);
  }
  text += ", region " + set.region;
  if (!set.protected_by.empty()) text += ", protected by " + set.protected_by;
  text = printable(text) + "\n";
  for (const VersionUse& use : usage.versions) text += version_text(usage, use, now, style);
  if (!usage.version_unknown.empty()) text += "unknown version:\n";
  for (const AgentUse& agent : usage.version_unknown) text += agent_line(agent, now);
  text += "every other version: " + safe_text(usage.every_other, usage.every_other_reason, style) +
          "\n";
  return text + warning(usage.is_served, usage.listening, now);
}

}  // namespace agent_secrets::control_plane
