#include "injector/reserved_names.h"

#include <algorithm>
#include <array>

namespace agent_secrets {
namespace {

struct Reserved {
  std::string_view name;  // a prefix where it ends in '*'
  std::string_view reason;
};

constexpr std::string_view kLoader = "loads code into every program";
constexpr std::string_view kLibc = "changes how the C library works";
constexpr std::string_view kPython = "decides which code Python runs";
constexpr std::string_view kNode = "decides which code Node.js runs";
constexpr std::string_view kRuntime = "decides which code the language's runtime runs";
constexpr std::string_view kShell = "decides what a shell runs";
constexpr std::string_view kTrust = "decides whom TLS trusts";
constexpr std::string_view kOpenSsl = "loads modules into OpenSSL";
constexpr std::string_view kImage = "belongs to the image";
constexpr std::string_view kOurs = "belongs to agent-secrets";

// ld.so(8) "secure-execution mode" lists most of the first two groups; the rest is from each
// program's manual.
constexpr std::array kReserved = {
    Reserved{"LD_*", kLoader},
    Reserved{"GLIBC_TUNABLES", kLibc},
    Reserved{"GCONV_PATH", kLibc},
    Reserved{"LOCPATH", kLibc},
    Reserved{"NIS_PATH", kLibc},
    Reserved{"NLSPATH", kLibc},
    Reserved{"RESOLV_HOST_CONF", kLibc},
    Reserved{"RES_OPTIONS", kLibc},
    Reserved{"HOSTALIASES", kLibc},
    Reserved{"LOCALDOMAIN", kLibc},
    Reserved{"MALLOC_*", kLibc},
    Reserved{"PYTHONPATH", kPython},
    Reserved{"PYTHONHOME", kPython},
    Reserved{"PYTHONSTARTUP", kPython},
    Reserved{"PYTHONINSPECT", kPython},
    Reserved{"PYTHONUSERBASE", kPython},
    Reserved{"PYTHONEXECUTABLE", kPython},
    Reserved{"PYTHONPLATLIBDIR", kPython},
    Reserved{"PYTHONPYCACHEPREFIX", kPython},
    Reserved{"PYTHONWARNINGS", kPython},
    Reserved{"PYTHONBREAKPOINT", kPython},
    Reserved{"NODE_OPTIONS", kNode},
    Reserved{"NODE_PATH", kNode},
    Reserved{"NODE_EXTRA_CA_CERTS", kTrust},
    Reserved{"NODE_TLS_REJECT_UNAUTHORIZED", kTrust},
    Reserved{"PERL5OPT", kRuntime},
    Reserved{"PERL5LIB", kRuntime},
    Reserved{"PERL5DB", kRuntime},
    Reserved{"RUBYOPT", kRuntime},
    Reserved{"RUBYLIB", kRuntime},
    Reserved{"JAVA_TOOL_OPTIONS", kRuntime},
    Reserved{"JDK_JAVA_OPTIONS", kRuntime},
    Reserved{"_JAVA_OPTIONS", kRuntime},
    Reserved{"BASH_ENV", kShell},
    Reserved{"BASH_FUNC_*", kShell},
    Reserved{"BASHOPTS", kShell},
    Reserved{"SHELLOPTS", kShell},
    Reserved{"ENV", kShell},
    Reserved{"IFS", kShell},
    Reserved{"PS4", kShell},
    Reserved{"PROMPT_COMMAND", kShell},
    Reserved{"CDPATH", kShell},
    Reserved{"SSL_CERT_FILE", kTrust},
    Reserved{"SSL_CERT_DIR", kTrust},
    Reserved{"SSLKEYLOGFILE", "writes the keys of TLS sessions to a file"},
    Reserved{"REQUESTS_CA_BUNDLE", kTrust},
    Reserved{"CURL_CA_BUNDLE", kTrust},
    Reserved{"OPENSSL_*", kOpenSsl},
    Reserved{"PATH", "decides which programs run"},
    Reserved{"PORT", kImage},
    Reserved{"SHUTDOWN_TIMEOUT", kImage},
    Reserved{"PIPECAT_SETUP_FILES", "names code that Pipecat runs at start-up"},
    Reserved{"AGENT_SECRETS_*", kOurs},
};

bool covers(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return name == pattern;
  pattern.remove_suffix(1);
  return name.starts_with(pattern);
}

}  // namespace

std::optional<std::string_view> reserved_reason(std::string_view name) {
  const auto found = std::ranges::find_if(
      kReserved, [&](const Reserved& reserved) { return covers(reserved.name, name); });
  if (found == kReserved.end()) return std::nullopt;
  return found->reason;
}

}  // namespace agent_secrets
