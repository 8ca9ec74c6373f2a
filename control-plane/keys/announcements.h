#pragma once
// The announcements of a region's signing keys (core/key_announcement.h), which the catalog keeps.
//
// Threads: those of the transaction.

#include <string>
#include <string_view>
#include <vector>

namespace agent_secrets::control_plane {

class Transaction;

// In the order in which they were made; at most limits::kKeyAnnouncements, the newest ones.
std::vector<std::string> list_announcements(Transaction& tx, std::string_view purpose);
// Drops the oldest one where there are too many.
void add_announcement(Transaction& tx, std::string_view purpose, std::string_view announcement);

}  // namespace agent_secrets::control_plane
