#include "control-plane/doctor/server_check.h"

#include <fmt/format.h>

#include "control-plane/doctor/host_checks.h"
#include "core/json_reader.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::chrono::seconds kTimeout{10};

}  // namespace

Step check_server(Transport& transport, const std::string& url, std::chrono::seconds now) {
  Inspection seen;
  const auto answer =
      transport.send({.url = url + "/readyz", .headers = {}, .inspection = &seen}, kTimeout);
  Step step{.name = "server", .facts = {{"url", url}}};
  if (!answer) {
    step = failed_step("server", answer.error(), 1);
    step.facts = {{"url", url}};
    return step;
  }
  step.took = seen.times.answer;
  step.detail = url + (answer->status == 200 ? " is ready" : " is not ready");
  step.facts.emplace_back("http_status", std::int64_t{answer->status});
  if (answer->status != 200) {
    step.status = StepStatus::failed;
    step.hint = "look at the server's log: it says \"not ready\", and why";
    step.exit_code = 1;
  }
  if (seen.certificate) {
    step.detail +=
        ", certificate until " + format_timestamp(seen.certificate->valid_until).substr(0, 10);
    judge_certificate_end(step, seen.certificate->valid_until, now);
  }
  return step;
}

}  // namespace agent_secrets::control_plane
