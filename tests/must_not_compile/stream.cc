// expected: no match for .operator<<.*SecretBuffer|invalid operands to binary expression .*ostream.*SecretBuffer
#include <ostream>

#include "core/secret_buffer.h"

void forbidden(std::ostream& out, const agent_secrets::SecretBuffer& secret) { out << secret; }
