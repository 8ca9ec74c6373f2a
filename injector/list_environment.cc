#include "injector/list_environment.h"

#include <algorithm>
#include <array>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/environment_block.h"
#include "core/printable.h"
#include "injector/env_file.h"
#include "injector/obtain_bundle.h"

namespace agent_secrets {
namespace {

namespace json = boost::json;

using Row = std::array<std::string, 4>;

json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(printable(text));
}

// No length for a value that was zeroed, or that the command does not get.
bool has_bytes(const ExplainedVariable& variable) { return variable.outcome != Outcome::removed; }

std::vector<Row> rows_of(const EnvironmentListing& listing) {
  std::vector<Row> rows{{"NAME", "ORIGIN", "BYTES", "OUTCOME"}};
  for (const ExplainedVariable& variable : listing.variables) {
    rows.push_back({printable(variable.name), printable(full_origin_of(variable, listing)),
                    has_bytes(variable) ? fmt::format("{}", variable.value_bytes) : "-",
                    std::string(outcome_word(variable.outcome))});
  }
  return rows;
}

}  // namespace

Result<std::vector<KeyOrigin>> origins_in_files(const std::vector<std::string>& paths,
                                                EnvFormat format) {
  std::vector<KeyOrigin> origins;
  for (const std::string& path : paths) {
    auto file = read_env_files({path}, {.format = format});
    if (!file) return propagate(file);
    auto entries = parse_environment_block(file->block);
    if (!entries) return propagate(entries, path);
    for (const EnvironmentEntry& entry : *entries) {
      std::erase_if(origins, [&](const KeyOrigin& seen) { return seen.key == entry.key; });
      origins.push_back({.key = std::string(entry.key), .path = path});
    }
  }
  return origins;
}

std::string origin_of(const ExplainedVariable& variable, const EnvironmentListing& listing) {
  if (!variable.is_from_set()) return "image";
  const auto file = std::ranges::find(listing.files, variable.key, &KeyOrigin::key);
  if (file != listing.files.end()) return "file " + file->path;
  return fmt::format("set{} {}", listing.sets.size() == 1 ? "" : "s", list_versions(listing.sets));
}

std::string full_origin_of(const ExplainedVariable& variable, const EnvironmentListing& listing) {
  std::vector<std::string> details;
  if (!variable.key.empty() && variable.key != variable.name) details.emplace_back(variable.key);
  if (!variable.file.empty()) details.push_back(fmt::format("in {}", variable.file));
  const std::string origin = origin_of(variable, listing);
  return details.empty() ? origin : fmt::format("{} ({})", origin, fmt::join(details, ", "));
}

std::string listing_table(const EnvironmentListing& listing, const TerminalStyle& style) {
  const auto rows = rows_of(listing);
  std::array<std::size_t, 3> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string table;
  for (const Row& row : rows) {
    const std::string line = fmt::format("{:<{}}  {:<{}}  {:>{}}  {}", row[0], widths[0], row[1],
                                         widths[1], row[2], widths[2], row[3]);
    table += (&row == &rows.front() ? style.paint(Colour::dim, line) : line) + "\n";
  }
  return table;
}

std::string listing_tsv(const EnvironmentListing& listing) {
  std::string lines;
  for (const Row& row : rows_of(listing)) {
    lines += fmt::format("{}\t{}\t{}\t{}\n", row[0], row[1], row[2], row[3]);
  }
  return lines;
}

std::string listing_json(const EnvironmentListing& listing) {
  json::array sets;
  for (const SetVersion& set : listing.sets) {
    sets.push_back(json::object{{"name", set.name}, {"version", set.version}});
  }
  json::array variables;
  for (const ExplainedVariable& variable : listing.variables) {
    const json::value bytes = has_bytes(variable)
                                  ? json::value(static_cast<std::int64_t>(variable.value_bytes))
                                  : json::value(nullptr);
    variables.push_back(json::object{{"name", printable(variable.name)},
                                     {"origin", printable(origin_of(variable, listing))},
                                     {"bytes", bytes},
                                     {"outcome", std::string(outcome_word(variable.outcome))},
                                     {"key", text_or_null(variable.key)},
                                     {"file", text_or_null(variable.file)}});
  }
  return json::serialize(
             json::object{{"sets", std::move(sets)}, {"variables", std::move(variables)}}) +
         "\n";
}

}  // namespace agent_secrets
