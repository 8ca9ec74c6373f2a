#include "injector/keygen.h"

#include <algorithm>

#include <sodium.h>

#include "core/credential.h"
#include "core/public_half.h"
#include "core/secret_buffer.h"
#include "core/write_file.h"

namespace agent_secrets {
namespace {

Result<void> write_seed(const std::string& path, std::span<const std::uint8_t, 32> seed) {
  const SecretBuffer credential = agent_credential_text({}, seed);
  const std::string_view text = credential.expose_text();
  const std::string_view last_part = text.substr(text.rfind('.') + 1);
  SecretBuffer line(last_part.size() + 1);
  std::ranges::copy(last_part, line.expose().begin());
  line.expose().back() = '\n';
  auto written = create_private_file(path, line.expose_text());
  if (!written && written.error().code == ErrorCode::conflict) {
    written.error().hint = "choose a file that does not exist yet";
  }
  return written;
}

}  // namespace

Result<std::string> generate_key(const std::string& seed_path) {
  SecretBuffer seed(32);
  randombytes_buf(seed.expose().data(), seed.size());
  const auto seed_bytes = std::span<const std::uint8_t, 32>(seed.expose());
  if (auto written = write_seed(seed_path, seed_bytes); !written) {
    return propagate(written, "keygen");
  }
  return public_half_json(public_half_of(seed_bytes));
}

}  // namespace agent_secrets
