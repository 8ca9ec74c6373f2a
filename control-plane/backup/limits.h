#pragma once
#include <cstddef>
namespace agent_secrets::limits {
// A backup (control-plane/backup): its databases, the tables of one of them, and its manifest.
inline constexpr std::size_t kBackupParts = 1024;
inline constexpr std::size_t kBackupTables = 256;
inline constexpr std::size_t kBackupManifest = 4uz * 1024 * 1024;
}  // namespace agent_secrets::limits
