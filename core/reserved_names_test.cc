#include "core/reserved_names.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <tuple>

#include "tests/catch.h"

using namespace agent_secrets;

namespace {

using Entry = std::tuple<std::string, std::string, std::string>;  // heading, reason, pattern

constexpr const char* kTakesOver = "Takes over the process";
constexpr const char* kOfImage = "Belongs to the image or the platform";

std::set<Entry> entries_of_list() {
  std::set<Entry> entries;
  for (const ReservedName& entry : reserved_names()) {
    entries.emplace(entry.kind == ReservedClass::takes_over ? kTakesOver : kOfImage, entry.reason,
                    entry.pattern);
  }
  return entries;
}

// The rows "| reason | `NAME`, `NAME` |" below the two headings.
std::set<Entry> entries_of_page() {
  std::ifstream page(AGENT_SECRETS_RESERVED_NAMES_PAGE);
  REQUIRE(page);
  std::set<Entry> entries;
  std::string heading;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) heading = line.substr(3);
    if ((heading != kTakesOver && heading != kOfImage) || !line.starts_with("| ")) continue;
    const std::string reason = line.substr(2, line.find(" | ") - 2);
    for (std::size_t at = line.find('`'); at != line.npos; at = line.find('`', at)) {
      const std::size_t end = line.find('`', at + 1);
      entries.emplace(heading, reason, line.substr(at + 1, end - at - 1));
      at = end + 1;
    }
  }
  return entries;
}

bool is_refused(const std::string& name) { return !refused_names({name}, {}).empty(); }
bool is_of_image(const std::string& name) { return !image_names({name}, {}).empty(); }

}  // namespace

TEST_CASE("names that decide which code runs or whom TLS trusts are refused, with a reason") {
  for (const char* name : {"LD_PRELOAD",
                           "LD_AUDIT",
                           "GLIBC_TUNABLES",
                           "GCONV_PATH",
                           "PATH",
                           "BASH_ENV",
                           "BASH_FUNC_x%%",
                           "IFS",
                           "PYTHONPATH",
                           "PYTHONHOME",
                           "PYTHONSTARTUP",
                           "PYTHON_PRESITE",
                           "PYTHONSOMETHINGNEW",
                           "PIP_INDEX_URL",
                           "UV_INDEX_URL",
                           "GUNICORN_CMD_ARGS",
                           "UVICORN_APP_DIR",
                           "NODE_OPTIONS",
                           "npm_config_script_shell",
                           "CLASSPATH",
                           "JAVA_TOOL_OPTIONS",
                           "DOTNET_STARTUP_HOOKS",
                           "CORECLR_PROFILER_PATH",
                           "GIT_SSH_COMMAND",
                           "GIT_CONFIG_COUNT",
                           "GIT_SSL_NO_VERIFY",
                           "GST_PLUGIN_PATH_1_0",
                           "ALSA_CONFIG_PATH",
                           "CUDA_INJECTION64_PATH",
                           "SSL_CERT_FILE",
                           "AWS_CA_BUNDLE",
                           "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
                           "WEBSOCKET_CLIENT_CA_BUNDLE",
                           "HTTPLIB2_CA_CERTS",
                           "OPENSSL_CONF",
                           "SSLKEYLOGFILE",
                           "PIPECAT_SETUP_FILES",
                           "AGENT_SECRETS_CREDENTIAL",
                           "AGENT_SECRETS_ANYTHING"}) {
    INFO(name);
    CHECK(is_refused(name));
    CHECK_FALSE(find_reserved(name)->reason.empty());
  }
}

TEST_CASE("names that the image or the platform usually sets are named and let through") {
  for (const char* name : {"ENV",
                           "PORT",
                           "SHUTDOWN_TIMEOUT",
                           "HOME",
                           "XDG_CONFIG_HOME",
                           "VIRTUAL_ENV",
                           "MALLOC_ARENA_MAX",
                           "PYTHONUNBUFFERED",
                           "PYTHONDONTWRITEBYTECODE",
                           "PYTHON_ENV",
                           "PIP_NO_CACHE_DIR",
                           "UV_LINK_MODE",
                           "UVICORN_PORT",
                           "WEB_CONCURRENCY",
                           "FORWARDED_ALLOW_IPS",
                           "HTTPS_PROXY",
                           "https_proxy",
                           "no_proxy",
                           "CUDA_VISIBLE_DEVICES",
                           "KUBERNETES_SERVICE_HOST",
                           "TMPDIR"}) {
    INFO(name);
    CHECK(is_of_image(name));
    CHECK_FALSE(is_refused(name));
  }
}

TEST_CASE("names of secrets and settings of bots are free") {
  for (const char* name : {"OPENAI_API_KEY",
                           "DAILY_API_KEY",
                           "DAILY_SAMPLE_ROOM_URL",
                           "AWS_ACCESS_KEY_ID",
                           "AWS_SECRET_ACCESS_KEY",
                           "AWS_REGION",
                           "AWS_ROLE_ARN",
                           "GOOGLE_APPLICATION_CREDENTIALS",
                           "NVIDIA_API_KEY",
                           "PIPECAT_API_KEY",
                           "PIPECAT_ICE_SERVERS",
                           "PIPECAT_WEBSOCKET_AUTH",
                           "TORCH_CUDA_ARCH_LIST",
                           "OTEL_EXPORTER_OTLP_HEADERS",
                           "GIT_TOKEN",
                           "GIT_SHA",
                           "NODE_ENV",
                           "LOG_LEVEL",
                           "DATABASE_URL",
                           "PGPASSWORD",
                           "HF_TOKEN",
                           "TZ",
                           "LANG",
                           "OMP_NUM_THREADS",
                           "LDAP_PASSWORD",
                           "MY_LD_PRELOAD",
                           "PATHS",
                           "ENVIRONMENT",
                           "PORTAL",
                           "ld_preload",
                           "AGENT_SECRET",
                           "SENTRY_DSN",
                           ""}) {
    INFO(name);
    CHECK(find_reserved(name) == nullptr);
  }
}

TEST_CASE("a name's own entry counts before a prefix, a longer prefix before a shorter one") {
  CHECK(find_reserved("PYTHONUNBUFFERED")->pattern == "PYTHONUNBUFFERED");
  CHECK(find_reserved("PYTHON_ENV")->pattern == "PYTHON_*");
  CHECK(find_reserved("PYTHONWARNINGS")->pattern == "PYTHON*");
  CHECK(find_reserved("CUDA_INJECTION32_PATH")->pattern == "CUDA_INJECTION*");
  CHECK(find_reserved("LD_*")->pattern == "LD_*");
}

TEST_CASE("a name that is allowed is neither refused nor named") {
  CHECK(refused_names({"LD_PRELOAD", "OK", "IFS"}, {"IFS"}) ==
        std::vector<std::string>{"LD_PRELOAD"});
  CHECK(image_names({"PORT", "OK", "ENV"}, {"PORT"}) == std::vector<std::string>{"ENV"});
}

TEST_CASE("names are listed with their reasons, and of many the first twenty") {
  CHECK(with_reasons({"LD_PRELOAD", "PATH"}) ==
        "LD_PRELOAD (loads code into every program), PATH (decides which programs run)");
  std::vector<std::string> many;
  for (int i = 0; i < 23; ++i) many.push_back("LD_" + std::to_string(i));
  CHECK(with_reasons(many).ends_with("LD_19 (loads code into every program) and 3 more"));
}

TEST_CASE("the page of reserved names has the list, and only the list") {
  const auto page = entries_of_page();
  const auto list = entries_of_list();
  CHECK(list.size() == reserved_names().size());
  for (const Entry& entry : list) {
    INFO(std::get<2>(entry));
    CHECK(page.contains(entry));
  }
  CHECK(page == list);
}
