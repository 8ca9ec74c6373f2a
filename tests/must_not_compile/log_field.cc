// expected: use of deleted function .*LogField\(.*SecretBuffer&\)|call to deleted constructor of .*LogField
#include "core/log.h"
#include "core/secret_buffer.h"

agent_secrets::LogField forbidden(const agent_secrets::SecretBuffer& secret) {
  return {"value", secret};
}
