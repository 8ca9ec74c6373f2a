// expected: use of deleted function .*operator==\(const .*SecretBuffer&\)|selected deleted operator '=='

#include "core/secret_buffer.h"

bool forbidden(const agent_secrets::SecretBuffer& a, const agent_secrets::SecretBuffer& b) {
  return a == b;
}
