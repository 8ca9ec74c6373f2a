#include "core/curl_perform.h"

#include <curl/curl.h>

#include "core/error.h"

namespace agent_secrets {
namespace {

// The longest wait if libcurl has no timer running; any value is correct.
constexpr int kLongestWaitMs = 60'000;

void must(CURLMcode code) { AGENT_SECRETS_ASSERT(code == CURLM_OK); }

CURLcode result_of(CURLM* multi) {
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(multi, &left);
  AGENT_SECRETS_ASSERT(message != nullptr && message->msg == CURLMSG_DONE);
  return message->data.result;
}

}  // namespace

std::optional<int> curl_perform(CURLM* multi, CURL* easy, int interrupt_fd) {
  curl_waitfd interrupt{.fd = interrupt_fd, .events = CURL_WAIT_POLLIN, .revents = 0};
  std::optional<int> result;
  must(curl_multi_add_handle(multi, easy));
  for (;;) {
    int running = 0;
    must(curl_multi_perform(multi, &running));
    if (running == 0) {
      result = result_of(multi);
      break;
    }
    must(curl_multi_poll(multi, &interrupt, interrupt_fd < 0 ? 0 : 1, kLongestWaitMs, nullptr));
    if (interrupt.revents != 0) break;
  }
  must(curl_multi_remove_handle(multi, easy));
  return result;
}

}  // namespace agent_secrets
