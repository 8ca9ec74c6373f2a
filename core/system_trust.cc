#include "core/system_trust.h"

#include <filesystem>
#include <string_view>
#include <system_error>

namespace agent_secrets {
namespace {

bool is_hash_link(std::string_view name) {
  return name.size() == 10 && name.ends_with(".0") &&
         name.find_first_not_of("0123456789abcdef") == 8;
}

bool holds_hash_links(const char* directory) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_hash_link(entry->path().filename().native())) return true;
  }
  return false;
}

}  // namespace

SystemTrust find_system_trust() {
  constexpr const char* kDirectory = "/etc/ssl/certs";
  if (holds_hash_links(kDirectory)) return {.directory = kDirectory};
  for (const char* bundle : {"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem",
                             "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"}) {
    std::error_code error;
    if (std::filesystem::exists(bundle, error)) return {.bundle = bundle};
  }
  return {};
}

}  // namespace agent_secrets
