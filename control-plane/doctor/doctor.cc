#include "control-plane/doctor/doctor.h"

#include <utility>

#include "control-plane/data.h"
#include "control-plane/doctor/data_checks.h"
#include "control-plane/doctor/host_checks.h"
#include "control-plane/doctor/server_check.h"

namespace agent_secrets::control_plane {
namespace {

// The regions whose stores are beside the catalog, and there.
Result<std::vector<std::string>> regions_beside(StorePlace& place, Transaction& catalog) {
  std::vector<std::string> codes;
  for (const Row row : catalog.query("SELECT code FROM regions WHERE removed_at IS NULL")) {
    std::string code = row.text("code");
    if (place.region_database(code)) continue;
    auto there = place.has_region(code);
    if (!there) return propagate(there);
    if (*there) codes.push_back(std::move(code));
  }
  return codes;
}

Result<PlaceTables> read_tables(StorePlace& place) {
  auto there = place.has_catalog();
  if (!there) return propagate(there);
  if (!*there) {
    return fail(ErrorCode::not_found, place.name() + " holds no catalog",
                place.hint_without_catalog());
  }
  return guarded("read " + place.name(), [&] {
    return place.read_tables([&](Transaction& catalog) { return regions_beside(place, catalog); });
  });
}

class Doctor {
 public:
  Doctor(const DoctorOptions& options, const Clock& clock, const StepObserver& observe)
      : options_(options), clock_(clock), observe_(observe) {}

  void examine_host() {
    add(check_files(options_));
    if (!options_.data.data_directory.empty()) add(check_disk(options_.data.data_directory));
    if (!options_.tls_certificate_file.empty()) add(check_certificate_file(options_, now()));
  }
  void examine_data();
  void examine_servers(const DoctorTransport& transport) {
    for (const std::string& url : options_.urls)
      add(check_server(*transport(options_), url, now()));
  }
  CheckReport take_report() { return std::move(report_); }

 private:
  // False: the check has failed.
  bool add(Step step) {
    observe_(step);
    report_.steps.push_back(std::move(step));
    return report_.steps.back().status != StepStatus::failed;
  }
  [[nodiscard]] std::chrono::seconds now() const {
    return std::chrono::floor<std::chrono::seconds>(clock_.unix_time());
  }
  void examine_tables(StorePlace& place, PlaceTables& tables, std::chrono::milliseconds time);

  const DoctorOptions& options_;
  const Clock& clock_;
  const StepObserver& observe_;
  CheckReport report_;
};

void Doctor::examine_tables(StorePlace& place, PlaceTables& tables,
                            std::chrono::milliseconds time) {
  const auto master_key = load_master_key(options_.data);
  const auto outcome = guarded("read " + place.name(), [&]() -> Result<void> {
    Transaction& catalog = tables.catalog->transaction();
    add(check_master_key_step(catalog, master_key));
    add(check_keys(catalog));
    add(check_clock(catalog, time));
    add(check_leases(catalog));
    add(check_backup(catalog, time));
    add(check_regions(place, tables));
    return {};
  });
  if (!outcome) add(failed_step("data", outcome.error(), 1));
}

void Doctor::examine_data() {
  auto place = place_of(options_.data);
  if (!place) {
    add(failed_step("schema", place.error(), 1));
    return;
  }
  const auto time = clock_.unix_time();
  {
    auto tables = read_tables(**place);
    if (!add(check_schema(**place, tables))) return;
    examine_tables(**place, *tables, time);
  }
  if (!options_.data.database.empty()) add(check_notices(**place));
}

}  // namespace

CheckReport examine(const DoctorOptions& options, const Clock& clock,
                    const DoctorTransport& transport, const StepObserver& observe) {
  Doctor doctor(options, clock, observe);
  doctor.examine_host();
  doctor.examine_data();
  doctor.examine_servers(transport);
  return doctor.take_report();
}

}  // namespace agent_secrets::control_plane
