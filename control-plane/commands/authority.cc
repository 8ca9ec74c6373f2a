// `authority check | adopt`: the codes of the rows that decide who may open what
// (keys/authority.h).

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

struct CheckOptions {
  DataOptions data;
  bool json = false;
};

struct AdoptOptions {
  DataOptions data;
};

// By the name of the database: "catalog", or "region CODE".
using RefusedByDatabase = std::map<std::string, std::vector<RefusedRow>>;

// Both commands have to open a catalog without codes.
Result<Stores> open(DataOptions options, const Clock& clock) {
  options.accept_uncoded_rows = true;
  return open_data(options, clock);
}

Result<void> add_refused_records(AuditLog& log, std::vector<RefusedRow>& rows) {
  auto ids = log.list_refused();
  if (!ids) return propagate(ids);
  for (const std::int64_t id : *ids) rows.push_back({.table = "audit", .key = std::to_string(id)});
  return {};
}

Result<RefusedByDatabase> find_refused(Stores& stores) {
  RefusedByDatabase found;
  auto rows = stores.catalog->coded_rows.list_refused();
  if (!rows) return propagate(rows);
  found["catalog"] = std::move(*rows);
  AuditLog log = stores.catalog->audit.log();
  if (auto added = add_refused_records(log, found["catalog"]); !added) return propagate(added);
  for (const auto& [code, region] : stores.regions) {
    rows = region.store->list_refused_rows();
    if (!rows) return propagate(rows, "region " + code);
    auto& of_region = found["region " + code] = std::move(*rows);
    auto added = add_refused_records(*region.store->audit_log(), of_region);
    if (!added) return propagate(added, "region " + code);
  }
  return found;
}

std::size_t count(const RefusedByDatabase& refused) {
  std::size_t rows = 0;
  for (const auto& [database, of_database] : refused) rows += of_database.size();
  return rows;
}

std::string refused_json(const RefusedByDatabase& refused) {
  json::array rows;
  for (const auto& [database, of_database] : refused) {
    for (const RefusedRow& row : of_database) {
      rows.push_back({{"database", database}, {"table", row.table}, {"key", row.key}});
    }
  }
  return json_line({{"refused", std::move(rows)}});
}

std::string refused_table(const RefusedByDatabase& refused) {
  if (count(refused) == 0) return "Every row that gives a right has a valid code.\n";
  std::vector<TableRow> rows{{"DATABASE", "TABLE", "KEY"}};
  for (const auto& [database, of_database] : refused) {
    for (const RefusedRow& row : of_database) rows.push_back({database, row.table, row.key});
  }
  return format_table(rows, output_style());
}

Result<ExitCode> check(const CheckOptions& options, const Clock& clock) {
  auto stores = open(options.data, clock);
  if (!stores) return propagate(stores);
  auto refused = find_refused(*stores);
  if (!refused) return propagate(refused, "check the rows");
  auto printed = print(options.json ? refused_json(*refused) : refused_table(*refused));
  if (!printed) return propagate(printed);
  return count(*refused) == 0 ? kExitOk : kExitFailed;
}

// The regions last: while the catalog has no codes, no server publishes to them.
Result<void> adopt_all(Stores& stores) {
  if (auto adopted = stores.catalog->coded_rows.adopt(); !adopted) return adopted;
  if (auto adopted = stores.catalog->audit.log().adopt(); !adopted) return adopted;
  for (const auto& [code, region] : stores.regions) {
    auto adopted = region.store->adopt_rows();
    if (adopted) adopted = region.store->audit_log()->adopt();
    if (!adopted) return propagate(adopted, "region " + code);
  }
  return {};
}

Result<void> adopt(const AdoptOptions& options, const Clock& clock) {
  auto stores = open(options.data, clock);
  if (!stores) return propagate(stores);
  auto refused = find_refused(*stores);
  if (!refused) return propagate(refused, "check the rows");
  if (auto adopted = adopt_all(*stores); !adopted) return propagate(adopted, "adopt the rows");
  note(fmt::format("every row has a code now; without a valid one before: {}", count(*refused)));
  return {};
}

}  // namespace

void declare_authority(const Declarations& declare) {
  const Declarations group = declare.group(
      "authority", "Check the rows that decide who may open what, and accept them as they are",
      {.examples = {{"secret-control-plane authority check",
                     "Has somebody changed the database without the master key?"},
                    {"secret-control-plane authority adopt",
                     "Once, after an upgrade from a version without authority codes"}},
       .reading = {{"docs/OPERATIONS.md", "A row is refused"}}});

  add_json(group.command(
      "check", "Print the rows that are refused, because their authority code does not hold", check,
      {.text = "Exit status 1 if there is one."}));

  group.command(
      "adopt", "Give every row the code of what is in it now", adopt,
      {.text =
           "This says that all rows are right, also one that somebody has put there. Run it "
           "after an upgrade from a version without authority codes, or when you have looked at "
           "every row that authority check prints. Restart the servers afterwards if they run "
           "with --accept-uncoded-rows.",
       .reading = {{"docs/OPERATIONS.md", "Upgrade"}}});
}

}  // namespace agent_secrets::control_plane
