#pragma once
// A curl_easy_perform() that can be interrupted and sleeps until an event; libcurl's function wakes
// up every second. The connection stays in the multi handle for the next transfer.
//
// Ownership: takes neither handle. Threads: one.
// Source: libcurl, curl_multi_poll(3).

#include <optional>

using CURL = void;
using CURLM = void;

namespace agent_secrets {

// A CURLcode, or nothing if `interrupt_fd` (-1: none) became readable first. The descriptor is not
// read.
std::optional<int> curl_perform(CURLM* multi, CURL* easy, int interrupt_fd);

}  // namespace agent_secrets
