#include "injector/instance_id.h"

#include <algorithm>
#include <array>
#include <climits>

#include <fmt/format.h>
#include <unistd.h>

#include "core/encoding.h"
#include "core/error.h"
#include "core/limits.h"
#include "injector/environment.h"

namespace agent_secrets {
namespace {

bool fits_an_instance_id(std::string_view name) {
  return !name.empty() && name.size() <= limits::kInstanceIdMax &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '-';
         });
}

// Appends `suffix`. It replaces the end of a name that would become too long.
std::string with_suffix(std::string_view host_name, std::string_view suffix) {
  AGENT_SECRETS_ASSERT(fits_an_instance_id(suffix));
  std::string id = choose_instance_id(host_name).substr(0, limits::kInstanceIdMax - suffix.size());
  return id.append(suffix);
}

}  // namespace

std::string host_name(char** environment) {
  if (const char* variable = find_variable(environment, "HOSTNAME")) return variable;
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  const std::string_view text(name.data());
  return text == "localhost" || text.starts_with("localhost.") ? "" : std::string(text);
}

std::string choose_instance_id(std::string_view host_name) {
  return fits_an_instance_id(host_name) ? std::string(host_name) : random_token(12);
}

std::string choose_id_beside(std::string_view host_name, std::string_view kind) {
  return with_suffix(host_name, fmt::format(".{}-{}", kind, random_token(6)));
}

std::string choose_developers_id(std::string_view host_name) {
  return with_suffix(host_name, ".develop");
}

}  // namespace agent_secrets
