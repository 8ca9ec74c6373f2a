#pragma once
// A Transport that answers from a script and records what it was asked. When the script is over,
// its last answer repeats; answers may be computed from the request, and may take (fake) time.
//
// Threads: one.

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/transport.h"
#include "tests/fakes/fake_clock.h"

namespace agent_secrets {

class FakeTransport final : public Transport {
 public:
  using Answer = std::function<Result<HttpResponse>(const HttpRequest&)>;

  void will_answer(Answer answer) { script_.push_back(std::move(answer)); }
  void will_answer(HttpResponse response) {
    will_answer([response = std::move(response)](const HttpRequest&) -> Result<HttpResponse> {
      return response;
    });
  }
  void will_answer(int status, std::string body = "") {
    will_answer(HttpResponse{.status = status, .headers = {}, .body = std::move(body)});
  }
  void will_fail(ErrorCode code, std::string message = "fake failure") {
    will_answer([code, message = std::move(message)](const HttpRequest&) -> Result<HttpResponse> {
      return fail(code, message);
    });
  }
  // Every attempt takes this long, or its timeout if that is less.
  void each_attempt_takes(FakeClock& clock, std::chrono::milliseconds duration) {
    clock_ = &clock;
    duration_ = duration;
  }

  Result<HttpResponse> send(const HttpRequest& request,
                            std::chrono::milliseconds timeout) override {
    requests.push_back(request);
    timeouts.push_back(timeout);
    if (clock_ != nullptr) clock_->advance(std::min(duration_, timeout));
    AGENT_SECRETS_ASSERT(!script_.empty());
    const Answer& answer = script_[std::min(requests.size(), script_.size()) - 1];
    return answer(request);
  }

  std::vector<HttpRequest> requests;
  std::vector<std::chrono::milliseconds> timeouts;

 private:
  std::vector<Answer> script_;
  FakeClock* clock_ = nullptr;
  std::chrono::milliseconds duration_{0};
};

}  // namespace agent_secrets
