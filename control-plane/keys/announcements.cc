#include "control-plane/keys/announcements.h"

#include "control-plane/database/transaction.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {

std::vector<std::string> list_announcements(Transaction& tx, std::string_view purpose) {
  std::vector<std::string> announcements;
  for (const Row row :
       tx.query("SELECT announcement FROM key_announcements WHERE purpose = ?1 ORDER BY number",
                purpose)) {
    announcements.push_back(row.text("announcement"));
  }
  return announcements;
}

void add_announcement(Transaction& tx, std::string_view purpose, std::string_view announcement) {
  tx.execute(
      "INSERT INTO key_announcements (purpose, number, announcement)"
      " SELECT ?1, coalesce(max(number), 0) + 1, ?2 FROM key_announcements WHERE purpose = ?1",
      purpose, announcement);
  tx.execute(
      "DELETE FROM key_announcements WHERE purpose = ?1 AND number <="
      " (SELECT max(number) FROM key_announcements WHERE purpose = ?1) - ?2",
      purpose, limits::kKeyAnnouncements);
}

}  // namespace agent_secrets::control_plane
