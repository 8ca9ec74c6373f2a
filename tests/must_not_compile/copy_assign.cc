// expected: use of deleted function .*operator=\(const .*SecretBuffer&\)|selected deleted operator '='

#include "core/secret_buffer.h"

void forbidden(agent_secrets::SecretBuffer& to, const agent_secrets::SecretBuffer& from) {
  to = from;
}
