#pragma once
// A Transport that logs, for -v, the time of each phase of each attempt. An unfinished phase has no
// line, so the last line is the last phase that an attempt finished.
//
// Ownership: borrows the transport and the log. Threads: one.

#include <chrono>
#include <optional>
#include <string_view>

#include "core/log.h"
#include "core/transport.h"

namespace agent_secrets {

class LoggingTransport final : public Transport {
 public:
  LoggingTransport(Transport& inner, const Log& log) : inner_(inner), log_(log) {}

  Result<HttpResponse> send(const HttpRequest& request,
                            std::chrono::milliseconds timeout) override {
    Inspection inspection;
    HttpRequest inspected = request;
    inspected.inspection = &inspection;
    auto answer = inner_.send(inspected, timeout);
    const auto tell = [&](std::string_view phase, std::optional<std::chrono::microseconds> taken) {
      if (taken) log_.debug(phase, {{"peer", inspection.authority}, {"us", taken->count()}});
    };
    tell("resolve", inspection.times.resolve);
    tell("connect", inspection.times.connect);
    tell("tls", inspection.times.tls);
    tell("answer", inspection.times.answer);
    tell("body", inspection.times.body);
    return answer;
  }

 private:
  Transport& inner_;
  const Log& log_;
};

}  // namespace agent_secrets
