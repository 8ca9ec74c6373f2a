#include "control-plane/catalog/catalog_outbox.h"

#include <semaphore>

#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {

TEST_CASE("the other processes hear which region has work, where the database has notices") {
  TestStores t;
  const Stores elsewhere = need(t.open());
  std::binary_semaphore connected(0);
  std::binary_semaphore heard(0);
  const auto listener = need(t.catalog().outbox.listen(
      [&](std::string_view region) {
        if (region.empty()) connected.release();
        if (region == "eu-central") heard.release();
      },
      t.log));
  const auto sender = need(elsewhere.catalog->outbox.listen([](std::string_view) {}, t.log));
  CHECK((listener != nullptr) == t.postgres.has_value());
  if (listener == nullptr) return;
  REQUIRE(connected.try_acquire_for(std::chrono::seconds(60)));
  elsewhere.catalog->outbox.announce("eu-central");
  CHECK(heard.try_acquire_for(std::chrono::seconds(60)));
}

}  // namespace agent_secrets::control_plane
