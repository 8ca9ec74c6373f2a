#include "control-plane/doctor/host_checks.h"

#include <cerrno>
#include <cstdint>

#include <fmt/format.h>
#include <sys/statvfs.h>

#include "control-plane/data_directory.h"
#include "control-plane/http/tls_context.h"
#include "core/clock.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::uint64_t kMebibyte = 1024 * 1024;

std::string date_of(std::chrono::seconds unix_time) {
  return format_timestamp(unix_time).substr(0, 10);
}

}  // namespace

Step check_files(const DoctorOptions& options) {
  Step step{.name = "files", .detail = "only this user may use the data"};
  if (options.data.data_directory.empty()) {
    step.detail = "the data is in a database";
  } else if (auto checked = check_data_directory(options.data.data_directory); !checked) {
    return failed_step("files", checked.error(), 1);
  }
  if (const auto mode = open_mode_of_key(options.tls_key_file)) {
    step.warn(
        fmt::format("others may read or replace {} (mode {:04o})", options.tls_key_file, *mode),
        "chmod 640 it, or 600");
  }
  return step;
}

Step check_disk(const std::string& directory) {
  struct statvfs facts{};
  if (::statvfs(directory.c_str(), &facts) != 0) {
    return failed_step("disk", {ErrorCode::failed, directory + ": " + errno_message(errno)}, 1);
  }
  const std::uint64_t free = std::uint64_t{facts.f_bavail} * facts.f_frsize;
  Step step{.name = "disk",
            .detail = fmt::format("{} MiB free", free / kMebibyte),
            .facts = {{"free_bytes", static_cast<std::int64_t>(free)}}};
  const char* const advice = "free space, or move the data directory to a larger disk";
  if (free < limits::kDiskReserve) {
    step.status = StepStatus::failed;
    step.hint = advice;
    step.exit_code = 1;
  } else if (free < limits::kDoctorFreeDisk) {
    step.warn("writes are refused when it is full", advice);
  }
  return step;
}

void judge_certificate_end(Step& step, std::chrono::seconds valid_until, std::chrono::seconds now) {
  const auto left = valid_until - now;
  step.facts.emplace_back("valid_until", format_timestamp(valid_until));
  step.facts.emplace_back("days_left", std::chrono::floor<std::chrono::days>(left).count());
  const char* const advice = "renew the certificate, and send SIGHUP to serve";
  if (left <= std::chrono::seconds(0)) {
    step.status = StepStatus::failed;
    step.detail += ", and has ended: clients refuse it";
    step.hint = advice;
    step.exit_code = 1;
  } else if (left < limits::kDoctorCertificate) {
    step.warn("it ends soon", advice);
  }
}

Step check_certificate_file(const DoctorOptions& options, std::chrono::seconds now) {
  auto tls = load_tls_context(options.tls_certificate_file, options.tls_key_file);
  if (!tls) return failed_step("certificate", tls.error(), 1);
  Step step{
      .name = "certificate",
      .detail = fmt::format("valid {} to {}", date_of(tls->not_before), date_of(tls->not_after)),
      .facts = {{"sha256_fingerprint", tls->fingerprint}}};
  if (now < tls->not_before) step.warn("it is not valid yet", "look at this host's clock");
  judge_certificate_end(step, tls->not_after, now);
  return step;
}

}  // namespace agent_secrets::control_plane
