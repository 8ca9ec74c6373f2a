#include "control-plane/doctor/doctor.h"

#include <algorithm>

#include <sys/stat.h>
#include <unistd.h>

#include "control-plane/catalog/backups.h"
#include "control-plane/database/migrations.h"
#include "control-plane/keys/key_rotation.h"
#include "control-plane/test_stores.h"
#include "tests/fakes/fake_transport.h"

namespace agent_secrets::control_plane {
namespace {

class DoctorStores : public TestStores {
 public:
  DoctorStores() : TestStores(TestedDatabase::sqlite) {
    options.data.master_key_file = directory.path("master.key");
    options.data.data_directory = data();
  }
  CheckReport examine() {
    return control_plane::examine(
        options, clock,
        [](const DoctorOptions&) -> std::unique_ptr<Transport> {
          FAIL("no URL is given");
          return nullptr;
        },
        [](const Step&) {});
  }
  Step step(const std::string& name) {
    const CheckReport report = examine();
    const auto found = std::ranges::find(report.steps, name, &Step::name);
    if (found == report.steps.end()) FAIL("no step " + name);
    return *found;
  }
  DoctorOptions options;
};

bool has(const CheckReport& report, const std::string& name) {
  return std::ranges::find(report.steps, name, &Step::name) != report.steps.end();
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a control plane whose server runs has no failed check") {
  DoctorStores t;
  t.take_lease(provisioner_work("eu-central"));
  const CheckReport report = t.examine();
  CHECK(report.count(StepStatus::failed) == 0);
  for (const char* name :
       {"files", "disk", "schema", "master-key", "keys", "clock", "leases", "backup", "regions"}) {
    CAPTURE(name);
    CHECK(has(report, name));
  }
  CHECK_FALSE(has(report, "notices"));
  CHECK(t.step("keys").status == StepStatus::ok);
  CHECK(t.step("leases").status == StepStatus::ok);
}

TEST_CASE("a region that no server provisions is a warning") {
  DoctorStores t;
  CHECK(t.step("leases").status == StepStatus::warning);
  CHECK(mentions(t.step("leases").detail, "no server provisions eu-central"));
}

TEST_CASE("a data directory that others may read fails, and the hint repairs it") {
  DoctorStores t;
  REQUIRE(::chmod(t.data().c_str(), 0755) == 0);
  CHECK(t.step("files").status == StepStatus::failed);
  CHECK(mentions(t.step("files").hint, "chmod"));
  CHECK(t.examine().exit_code(5) == 1);
  REQUIRE(::chmod(t.data().c_str(), 0700) == 0);
}

TEST_CASE("another master key fails, and the other checks still run") {
  DoctorStores t;
  REQUIRE(::unlink(t.directory.path("master.key").c_str()) == 0);
  need(MasterKey::create_file(t.directory.path("master.key")));
  CHECK(t.step("master-key").status == StepStatus::failed);
  CHECK(has(t.examine(), "regions"));
}

TEST_CASE("keys that the previous master key still encrypts are a warning") {
  DoctorStores t;
  need(MasterKey::create_file(t.directory.path("new.key")));
  t.options.data.previous_master_key_file = t.directory.path("master.key");
  t.options.data.master_key_file = t.directory.path("new.key");
  CHECK(t.step("master-key").status == StepStatus::warning);
}

TEST_CASE("a rotation that has not ended is a warning") {
  DoctorStores t;
  need(t.catalog().context.database->write("begin", [&](Transaction& tx) {
    return begin_data_key(tx, t.master_key, "catalog", false);
  }));
  CHECK(mentions(t.step("keys").detail, "is retired and still in use"));
  CHECK(mentions(t.step("keys").hint, "rotate data-keys"));
}

TEST_CASE("an older and a newer schema fail, and stay as they are") {
  DoctorStores t;
  t.close();
  const auto known = static_cast<int>(catalog_migrations().sqlite.size());
  for (const int number : {known - 1, known + 1}) {
    SQLite::Database file(t.data() + "/catalog.db", SQLite::OPEN_READWRITE);
    file.exec("PRAGMA user_version = " + std::to_string(number));
    CHECK(t.step("schema").status == StepStatus::failed);
    CHECK(file.execAndGet("PRAGMA user_version").getInt() == number);
    CHECK_FALSE(has(t.examine(), "master-key"));
  }
}

TEST_CASE("a region whose store is lost fails, and is not made") {
  DoctorStores t;
  t.close();
  const std::string file = t.data() + "/region-us-west.db";
  REQUIRE(::unlink(file.c_str()) == 0);
  CHECK(t.step("regions").detail == "us-west: its store is not there");
  CHECK(::access(file.c_str(), F_OK) != 0);
}

TEST_CASE("the age of the last backup is judged") {
  DoctorStores t;
  CHECK(mentions(t.step("backup").detail, "there is none"));
  need(record_backup(t.catalog().settings, kAdmin, t.clock.unix_time()));
  CHECK(t.step("backup").status == StepStatus::ok);
  t.clock.advance(std::chrono::hours(8 * 24));
  CHECK(t.step("backup").status == StepStatus::warning);
}

TEST_CASE("a clock that differs from the database's is a warning") {
  DoctorStores t;
  t.clock.advance(std::chrono::hours(24 * 365 * 100));
  CHECK(t.step("clock").status == StepStatus::warning);
  CHECK(mentions(t.step("clock").detail, "ahead of the database's"));
}

}  // namespace agent_secrets::control_plane
