#pragma once
// Looks a host up on the calling thread. libcurl does it on a thread of its own, because the C
// library has no deadline for it; where no thread can be made, this is what is left.
//
// Bounded in time, though not to the millisecond: each name server is asked once, and the time is
// divided among the questions that there can be (three servers, two kinds of address), a second
// each at least. /etc/hosts answers at once.
//
// Threads: any, but the bound is of the calling thread's resolver state alone (resolver(3)).

#include <chrono>
#include <string>
#include <vector>

namespace agent_secrets {

// IP addresses as text, in the order in which to try them (RFC 6724); none where there is none.
std::vector<std::string> resolve_on_this_thread(const std::string& host,
                                                std::chrono::milliseconds time);

}  // namespace agent_secrets
