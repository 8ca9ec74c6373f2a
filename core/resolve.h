#pragma once
// Looks up a host on the calling thread. libcurl uses a separate thread, because the C library's
// lookup has no deadline. This function is for the case that no thread can be made.
//
// The time is bounded, but not to the millisecond: each name server gets one query, and the time is
// divided among the possible queries (three servers, two kinds of address), at least a second each.
// A name in /etc/hosts needs no query.
//
// Threads: any; the time limits are in the calling thread's resolver state (resolver(3)).

#include <chrono>
#include <string>
#include <vector>

namespace agent_secrets {

// IP addresses as text, in the order in which to try them (RFC 6724); empty if none was found.
std::vector<std::string> resolve_on_this_thread(const std::string& host,
                                                std::chrono::milliseconds time);

}  // namespace agent_secrets
