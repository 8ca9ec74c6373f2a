// `doctor`: the work is in control-plane/doctor/doctor.h.

#include "control-plane/doctor/doctor.h"

#include <csignal>
#include <memory>

#include <fmt/format.h>

#include "control-plane/catalog/public_urls.h"
#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "core/curl_transport.h"

namespace agent_secrets::control_plane {
namespace {

// A file that cannot be read leaves no certificate to trust, so that the check of the server fails.
std::unique_ptr<Transport> make_transport(const DoctorOptions& options) {
  const auto ca = options.ca_file.empty() ? Result<std::string>() : read_ca_file(options.ca_file);
  return std::make_unique<CurlTransport>(
      TransportOptions{.ca_pem = ca ? *ca : ca.error().message,
                       .user_agent = "secret-control-plane/" AGENT_SECRETS_VERSION,
                       .leave_resolver_behind = true});
}

std::string verdict(const CheckReport& report, const TerminalStyle& style) {
  const auto failed = report.count(StepStatus::failed);
  const auto warnings = report.count(StepStatus::warning);
  if (failed > 0) return style.paint(Colour::red, fmt::format("{} failed", failed)) + "\n";
  if (warnings == 0) return style.paint(Colour::green, "all is well") + "\n";
  return style.paint(Colour::yellow, fmt::format("works, with warnings: {}", warnings)) + "\n";
}

Result<ExitCode> run_doctor(const DoctorOptions& options, const Clock& clock) {
  (void)std::signal(SIGPIPE, SIG_IGN);  // as CurlTransport needs it
  const TerminalStyle style = output_style();
  Result<void> printed;
  const auto report = examine(options, clock, make_transport, [&](const Step& step) {
    if (!options.json && printed) printed = print(step_lines(step, style));
  });
  const int exit_code = report.exit_code(kExitWarnings);
  if (printed)
    printed = print(options.json ? report_json(report, exit_code) : verdict(report, style));
  if (!printed) return propagate(printed);
  return static_cast<ExitCode>(exit_code);
}

}  // namespace

void declare_doctor(const Declarations& declare) {
  const auto doctor = declare.command(
      "doctor", "Look for what is wrong with this control plane", run_doctor,
      {.examples = {{"secret-control-plane doctor --data-dir data --master-key-file master.key",
                     "Beside a running server, or without one"},
                    {"secret-control-plane doctor --json --url https://secrets.example.com",
                     "For a program, with a server"}},
       .text = "Changes nothing, and migrates nothing.",
       .exit_codes = {{"0", "All is well"},
                      {"1", "A check has failed"},
                      {"5", "There are warnings"}},
       .reading = {{"docs/OPERATIONS.md", "Doctor"}}});
  doctor.option("--url", doctor->urls, "URL",
                "also ask the server at this URL whether it is ready; repeat it for each server");
  doctor.option("--ca", doctor->ca_file, "FILE",
                "trust these certificates of servers, not the system's");
  const DeclaredOption certificate = doctor.option(
      "--tls-cert", doctor->tls_certificate_file, "FILE", "also check this certificate chain, PEM");
  const DeclaredOption key =
      doctor.option("--tls-key", doctor->tls_key_file, "FILE", "its private key, PEM");
  certificate.needs(key);
  key.needs(certificate);
  add_json(doctor);
}

}  // namespace agent_secrets::control_plane
