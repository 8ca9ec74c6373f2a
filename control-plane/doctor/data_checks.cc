#include "control-plane/doctor/data_checks.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <semaphore>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control-plane/catalog/backups.h"
#include "control-plane/catalog/database_time.h"
#include "control-plane/catalog/leases.h"
#include "control-plane/keys/check_master_key.h"
#include "control-plane/keys/key_rotation.h"
#include "control-plane/keys/stored_keys.h"
#include "core/limits.h"
#include "core/log.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;

Step failed(const char* name, std::string detail, std::string hint) {
  return failed_step(name, {ErrorCode::failed, std::move(detail), std::move(hint)}, 1);
}

std::vector<std::string> region_codes(Transaction& catalog) {
  std::vector<std::string> codes;
  for (const Row row :
       catalog.query("SELECT code FROM regions WHERE removed_at IS NULL ORDER BY code")) {
    codes.push_back(row.text("code"));
  }
  return codes;
}

// Why the store of a region cannot be used; empty if it can.
std::string problem_of(StorePlace& place, const PlaceTables& tables, const std::string& code) {
  if (tables.regions.contains(code)) return {};
  if (!place.region_database(code)) return "its store is not there";
  const auto store = place.join_region(code);
  return store ? std::string() : store.error().message;
}

}  // namespace

Step check_schema(StorePlace& place, Result<PlaceTables>& tables) {
  if (!tables) return failed_step("schema", tables.error(), 1);
  const std::int64_t number = tables->catalog->schema_version();
  return {.name = "schema",
          .detail = fmt::format("{} in {}", number, place.name_of_catalog()),
          .facts = {{"schema", number}}};
}

Step check_master_key_step(Transaction& catalog, const Result<MasterKey>& master_key) {
  if (!master_key) return failed_step("master-key", master_key.error(), 1);
  if (const auto opens = check_master_key(catalog, *master_key); !opens) {
    return failed_step("master-key", opens.error(), 1);
  }
  Step step{.name = "master-key", .detail = "it opens every key of the catalog"};
  if (!has_wrapped_all(catalog, *master_key)) {
    step.warn("the previous master key still encrypts some",
              "start a server with both keys, or run secret-control-plane rotate master-key");
  }
  return step;
}

Step check_keys(Transaction& catalog) {
  const auto keys = list_keys(catalog);
  Step step{.name = "keys",
            .detail = fmt::format("{} keys", keys.size()),
            .facts = {{"keys", static_cast<std::int64_t>(keys.size())}}};
  for (const KeyFacts& key : keys) {
    const bool is_data_key = !key.purpose.starts_with("signing:");
    if (key.state == kRetired) {
      step.warn(fmt::format("key {} ({}) is retired and still in use", key.id, key.purpose),
                "finish the rotation: secret-control-plane rotate data-keys");
    } else if (key.state == kStandby && is_data_key) {
      step.warn(fmt::format("key {} ({}) waits for the region's nodes", key.id, key.purpose),
                "finish the rotation: docs/OPERATIONS.md, Rotating keys");
    }
  }
  return step;
}

Step check_clock(Transaction& catalog, milliseconds unix_time) {
  const milliseconds difference = unix_time - milliseconds(database_time(catalog));
  Step step{.name = "clock",
            .detail = "as the database's",
            .facts = {{"difference_ms", std::int64_t{difference.count()}}}};
  if (std::chrono::abs(difference) <= limits::kDoctorClock) return step;
  step.detail = fmt::format("{} s {} the database's", std::chrono::abs(difference).count() / 1000,
                            difference.count() > 0 ? "ahead of" : "behind");
  step.warn("the server refuses requests whose time differs by more than 300 s",
            "run NTP on this host, and on the database's");
  return step;
}

Step check_leases(Transaction& catalog) {
  std::vector<std::string> held;
  std::vector<std::string> works;
  for (const Row row :
       catalog.query("SELECT work, holder FROM leases WHERE expires_at > ?1 ORDER BY work",
                     database_time(catalog))) {
    works.push_back(row.text("work"));
    held.push_back(fmt::format("{} by {}", works.back(), row.text("holder")));
  }
  std::vector<std::string> idle = region_codes(catalog);
  std::erase_if(idle, [&](const std::string& code) {
    return std::ranges::find(works, provisioner_work(code)) != works.end();
  });
  Step step{.name = "leases",
            .detail = fmt::format("{}", fmt::join(held, ", ")),
            .facts = {{"held", held}}};
  if (!idle.empty()) {
    step.warn(fmt::format("no server provisions {}", fmt::join(idle, ", ")),
              "start serve; the log of a server that runs has the reason");
  }
  return step;
}

Step check_backup(Transaction& catalog, milliseconds unix_time) {
  const auto last = find_last_backup(catalog);
  if (!last) return failed_step("backup", last.error(), 1);
  Step step{.name = "backup"};
  const char* const advice = "run secret-control-plane backup create, and repeat it by a timer";
  if (!*last) {
    step.warn("there is none", advice);
    return step;
  }
  const auto age = std::chrono::floor<std::chrono::hours>(unix_time - **last);
  step.detail = fmt::format("the last one is {} hours old", age.count());
  step.facts = {{"age_hours", std::int64_t{age.count()}}};
  if (age > limits::kDoctorBackup) step.warn("that is more than a week", advice);
  return step;
}

Step check_regions(StorePlace& place, const PlaceTables& tables) {
  const auto codes = region_codes(tables.catalog->transaction());
  std::vector<std::string> problems;
  for (const std::string& code : codes) {
    const std::string problem = problem_of(place, tables, code);
    if (!problem.empty()) problems.push_back(fmt::format("{}: {}", code, problem));
  }
  if (!problems.empty()) {
    return failed("regions", fmt::format("{}", fmt::join(problems, "; ")),
                  "docs/OPERATIONS.md, When something breaks");
  }
  return {.name = "regions",
          .detail = fmt::format("{}", fmt::join(codes, ", ")),
          .facts = {{"regions", codes}}};
}

// A listener gets an empty notice when it has connected (database/notices.h).
Step check_notices(StorePlace& place) {
  auto database = place.open_catalog();
  if (!database) return failed_step("notices", database.error(), 1);
  std::binary_semaphore heard(0);
  std::atomic_flag once;
  const Log silent("doctor", LogLevel::error, LogFormat::text, -1);
  const auto listener = (*database)->listen(
      [&](std::string_view) {
        if (!once.test_and_set()) heard.release();
      },
      silent);
  if (!listener) return failed_step("notices", listener.error(), 1);
  Step step{.name = "notices", .detail = "the database delivers them"};
  if (!heard.try_acquire_for(limits::kDoctorNotice)) {
    step.detail = fmt::format("none within {} s", limits::kDoctorNotice.count());
    step.warn("changes are then found once a second",
              "a pooler such as PgBouncer in transaction mode delivers no notices");
  }
  return step;
}

}  // namespace agent_secrets::control_plane
