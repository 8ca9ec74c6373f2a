#pragma once
// The result of an expected failure: one clause for each layer, outermost first, and a hint for the
// reader.
//
//   fetch bundle: connect 127.0.0.1:8443: timed out
//   hint: is the control plane running?
//
// An Error never holds a secret value: callers name the object (a key, a set, a path), never its
// content. Bugs are not Errors; they assert. Exceptions of third-party libraries become Errors at
// the adapter.

#include <expected>
#include <string>
#include <string_view>

namespace agent_secrets {

// A code exists only if a caller branches on it.
enum class ErrorCode {
  failed,        // no caller branches on it
  invalid,       // the input is wrong; a retry cannot help
  unauthorized,  // no valid credential or token (HTTP 401)
  forbidden,     // authenticated, but not allowed, or revoked (403)
  not_found,     // the object does not exist (404)
  conflict,      // not possible in this state (409)
  too_large,     // over a bound of core/limits.h (413)
  out_of_space,  // the disk is full (507)
  unreachable,   // no connection
  timed_out,     // the deadline passed
  interrupted,   // the caller ended the attempt
  unavailable,   // the peer answered 5xx or 429: a retry may work
  untrusted,     // a certificate, signature, checksum or nonce is wrong: never retried or ignored
};

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::failed;
  std::string message;
  // An imperative sentence, or empty. The initializer lets designated initializers leave it out
  // under -Wextra. NOLINTNEXTLINE(readability-redundant-member-init)
  std::string hint = {};

  // "clause: message", code and hint kept.
  Error within(std::string_view clause) &&;
};

template <typename T>
using Result = std::expected<T, Error>;

// `return fail(ErrorCode::invalid, "...", "...")` in a function that returns Result<T>.
std::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {});

// Returns an error to the caller with one more clause: `return propagate(result, "fetch bundle");`
template <typename T>
std::unexpected<Error> propagate(Result<T>& result, std::string_view clause) {
  return std::unexpected(std::move(result.error()).within(clause));
}
template <typename T>
std::unexpected<Error> propagate(Result<T>& result) {
  return std::unexpected(std::move(result.error()));
}

// The text for stderr: "program: error: message\nhint: ...\n" (the hint line only if there is one).
// Names in it may come from outside: control characters are escaped (core/printable.h).
std::string describe(std::string_view program, const Error& error);

// The message of an errno value as a clause, "no such file or directory"; thread-safe.
std::string errno_message(int error_number);

// A broken invariant: prints file, line and expression, then aborts, in release builds too.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace agent_secrets

#define AGENT_SECRETS_ASSERT(expression) \
  ((expression) ? void(0) : ::agent_secrets::assertion_failed(#expression, __FILE__, __LINE__))
