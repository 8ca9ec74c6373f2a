#pragma once
// The plaintext of a bundle: `KEY=value\0` repeated, keys sorted, in the format of
// /proc/PID/environ (proc(5)). The injector's envp points into the block, so there is only one copy
// of the values, and execve discards it.
//
// Threads: values, no shared state.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets {

// One variable that points into a block; valid as long as the block.
struct EnvironmentEntry {
  std::string_view key;
  std::string_view assignment;  // "KEY=value", followed by a NUL in memory
};

// A key and value to put into a block; the block copies.
struct EnvironmentPair {
  std::string_view key;
  std::string_view value;
};

// Refuses, with the key's name, pairs that a reader could not handle: an empty name, '=' or NUL in
// a name, NUL in a value, the same key twice, more than limits::kBundle bytes together. A single
// pair may be larger than an environment variable (limits::kEnvironmentString), because its value
// may be meant for a file; compose_environment() in the injector checks that bound.
Result<SecretBuffer> build_environment_block(std::vector<EnvironmentPair> pairs);

// Applies the same checks to bytes that came from outside.
Result<std::vector<EnvironmentEntry>> parse_environment_block(const SecretBuffer& block);

}  // namespace agent_secrets
