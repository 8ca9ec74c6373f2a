#pragma once
// The request target (RFC 9112 section 3.2.1, origin form) as decoded path segments and query.
// Each segment is percent-decoded exactly once, after the split at '/', so that an escaped slash
// never becomes a separator. Refused, because our names never contain them and a proxy or file
// system might treat them specially: a broken escape, a control character, and "." or ".." as a
// segment, escaped or not. Bytes that are not UTF-8 are refused too: PostgreSQL accepts no text
// with such bytes.

#include <string_view>

#include "control-plane/http/message.h"

namespace agent_secrets::control_plane {

// Fills target, segments and query. False: refuse with 400.
bool parse_target(std::string_view target, Request& request);

}  // namespace agent_secrets::control_plane
