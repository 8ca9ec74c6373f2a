#pragma once
// A Transport that records every attempt that goes through it.
//
// Ownership: borrows the transport and the clock. Threads: one.

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/transport.h"

namespace agent_secrets {

struct Attempt {
  std::string url;
  Inspection inspection;
  std::optional<Error> error;                       // no answer came
  int status = 0;                                   // of the answer
  std::optional<std::chrono::seconds> server_time;  // its Date
  std::chrono::seconds our_time{};                  // at the end of the attempt
};

class InspectingTransport final : public Transport {
 public:
  InspectingTransport(Transport& inner, Clock& clock) : inner_(inner), clock_(clock) {}

  Result<HttpResponse> send(const HttpRequest& request,
                            std::chrono::milliseconds timeout) override {
    Attempt attempt{.url = request.url, .inspection = {}, .error = {}, .server_time = {}};
    HttpRequest inspected = request;
    inspected.inspection = &attempt.inspection;
    auto answer = inner_.send(inspected, timeout);
    attempt.our_time = std::chrono::floor<std::chrono::seconds>(clock_.unix_time());
    if (answer) {
      attempt.status = answer->status;
      attempt.server_time = answer->date();
    } else {
      attempt.error = answer.error();
    }
    attempts_.push_back(std::move(attempt));
    return answer;
  }

  [[nodiscard]] const std::vector<Attempt>& attempts() const { return attempts_; }

 private:
  Transport& inner_;
  Clock& clock_;
  std::vector<Attempt> attempts_;
};

}  // namespace agent_secrets
