#include "injector/check_connection.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/limits.h"
#include "core/proxy.h"
#include "injector/duration.h"
#include "injector/exec.h"

namespace agent_secrets {
namespace {

using std::chrono::seconds;

constexpr seconds kCertificateMargin = std::chrono::days(14);
constexpr seconds kClockMargin{30};

// An attempt on a kept connection has no data about resolve, connect and tls.
bool opened_a_connection(const Attempt& attempt) {
  return attempt.error.has_value() || attempt.inspection.times.resolve.has_value();
}

// The attempt that opened the connection on which the last one ran.
const Attempt& attempt_to_show(const std::vector<Attempt>& attempts) {
  const auto found = std::find_if(attempts.rbegin(), attempts.rend(), [&](const Attempt& attempt) {
    return attempt.url == attempts.back().url && opened_a_connection(attempt);
  });
  return found == attempts.rend() ? attempts.back() : *found;
}

Step failure(std::string name, const Attempt& attempt) {
  return failed_step(std::move(name), *attempt.error, exit_code_of(attempt.error->code));
}

Step resolve_step(const Attempt& attempt) {
  const Inspection& seen = attempt.inspection;
  Step step =
      attempt.error && !seen.times.resolve ? failure("resolve", attempt) : Step{.name = "resolve"};
  step.took = seen.times.resolve;
  if (step.status == StepStatus::ok) {
    step.detail = seen.addresses.empty()
                      ? seen.authority
                      : fmt::format("{}: {}", seen.authority, fmt::join(seen.addresses, ", "));
  }
  step.facts = {{"authority", seen.authority}, {"addresses", seen.addresses}};
  return step;
}

// An earlier base URL that did not answer is a warning, because a later base URL works.
void add_silent_urls(const std::vector<Attempt>& attempts, Step& step) {
  std::vector<std::string> silent;
  for (const Attempt& attempt : attempts) {
    if (!attempt.error || attempt.url == attempts.back().url ||
        std::ranges::find(silent, attempt.url) != silent.end()) {
      continue;
    }
    silent.push_back(attempt.url);
    step.warn("before that: " + attempt.error->message, attempt.error->hint);
  }
  step.facts.emplace_back("silent_urls", std::move(silent));
}

Step connect_step(const Attempt& attempt) {
  const Inspection& seen = attempt.inspection;
  Step step =
      attempt.error && !seen.times.connect ? failure("connect", attempt) : Step{.name = "connect"};
  step.took = seen.times.connect;
  const std::string address = seen.addresses.empty() ? "" : seen.addresses.back();
  if (step.status == StepStatus::ok) {
    step.detail = address + (seen.through_proxy ? ", a proxy (https_proxy)" : "");
  }
  step.facts = {{"address", address}, {"through_proxy", seen.through_proxy}};
  return step;
}

std::string date_of(seconds unix_time) { return format_timestamp(unix_time).substr(0, 10); }

void add_certificate(const PeerCertificate& certificate, seconds now, Step& step) {
  const auto left = certificate.valid_until - now;
  const std::int64_t days = std::chrono::floor<std::chrono::days>(left).count();
  if (!step.detail.empty()) step.detail += "; ";
  step.detail += fmt::format("{} by {}, valid {} to {}", certificate.subject, certificate.issuer,
                             date_of(certificate.valid_from), date_of(certificate.valid_until));
  step.facts.emplace_back("subject", certificate.subject);
  step.facts.emplace_back("issuer", certificate.issuer);
  step.facts.emplace_back("valid_from", format_timestamp(certificate.valid_from));
  step.facts.emplace_back("valid_until", format_timestamp(certificate.valid_until));
  step.facts.emplace_back("days_left", days);
  if (step.status == StepStatus::ok && left < kCertificateMargin) {
    step.warn(fmt::format("{} left", format_duration(std::max(left, seconds(0)))),
              "renew the server's certificate");
  }
}

// The host of "host:port" or "[address]:port".
std::string host_of(const std::string& authority) {
  std::string host = authority.substr(0, authority.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

Step tls_step(const Attempt& attempt) {
  const Inspection& seen = attempt.inspection;
  if (!attempt.url.starts_with("https:")) {
    Step step{.name = "tls", .detail = "none: plain http", .facts = {{"version", std::string()}}};
    if (!is_loopback(host_of(seen.authority))) {
      step.warn("others on the way see who starts what, and can forge refusals",
                "use https:// where the network is not yours alone");
    }
    return step;
  }
  Step step = attempt.error && !seen.times.tls ? failure("tls", attempt) : Step{.name = "tls"};
  step.took = seen.times.tls;
  if (step.status == StepStatus::ok) step.detail = seen.tls_version;
  step.facts = {{"version", seen.tls_version}, {"cipher", seen.tls_cipher}};
  if (seen.certificate) add_certificate(*seen.certificate, attempt.our_time, step);
  return step;
}

Step clock_step(const Attempt& attempt) {
  Step step{.name = "clock"};
  if (!attempt.server_time) {
    step.warn("the answer has no date to compare with",
              "look for a proxy that removes the Date header");
    return step;
  }
  const seconds difference = attempt.our_time - *attempt.server_time;
  const seconds distance = std::chrono::abs(difference);
  step.facts = {{"difference_s", difference.count()}};
  step.detail = distance <= seconds(1)
                    ? "the same as the control plane's"
                    : fmt::format("this host is {} {} the control plane", format_duration(distance),
                                  difference > seconds(0) ? "ahead of" : "behind");
  if (distance > limits::kClockSkew) {
    step.status = StepStatus::failed;
    step.exit_code = kExitRefused;
  } else if (distance > kClockMargin) {
    step.status = StepStatus::warning;
  }
  if (step.status != StepStatus::ok) step.hint = "set this host's clock";
  return step;
}

Step proof_step(const Attempt& attempt, const std::optional<Error>& fetched) {
  const bool accepted = !attempt.error && attempt.status == 200;
  Step step{.name = "proof", .detail = "accepted (HTTP 200)"};
  if (!accepted) {
    const Error& error = attempt.error ? *attempt.error : fetched.value();
    step = failed_step("proof", error, exit_code_of(error.code));
  }
  step.took = attempt.inspection.times.answer;
  step.facts = {{"http_status", std::int64_t{attempt.status}}};
  return step;
}

}  // namespace

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::unauthorized:
    case ErrorCode::forbidden:
    case ErrorCode::not_found:
      return kExitRefused;
    case ErrorCode::conflict:
      return kExitNotReady;
    case ErrorCode::invalid:
      return kExitInjectorFailed;
    case ErrorCode::failed:
    case ErrorCode::out_of_space:
    case ErrorCode::too_large:
    case ErrorCode::unreachable:
    case ErrorCode::timed_out:
    case ErrorCode::interrupted:
    case ErrorCode::unavailable:
    case ErrorCode::untrusted:
      return kExitUnreachable;
  }
  AGENT_SECRETS_ASSERT(false);
}

std::vector<Step> connection_steps(const std::vector<Attempt>& attempts,
                                   const std::optional<Error>& fetched) {
  AGENT_SECRETS_ASSERT(!attempts.empty());
  const Attempt& shown = attempt_to_show(attempts);
  const Attempt& last = attempts.back();
  std::vector<Step> steps;
  const auto ends_with = [&](Step step) {
    steps.push_back(std::move(step));
    return steps.back().status == StepStatus::failed;
  };
  if (ends_with(resolve_step(shown))) return steps;
  Step connect = connect_step(shown);
  if (connect.status != StepStatus::failed) add_silent_urls(attempts, connect);
  if (ends_with(std::move(connect))) return steps;
  if (ends_with(tls_step(shown))) return steps;
  if (!last.error && ends_with(clock_step(last))) return steps;
  ends_with(proof_step(last, fetched));
  return steps;
}

}  // namespace agent_secrets
