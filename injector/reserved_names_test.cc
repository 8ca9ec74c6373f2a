#include "injector/reserved_names.h"

#include "tests/catch.h"

using namespace agent_secrets;

TEST_CASE("names that take over the process or the image are reserved, with a reason") {
  for (const char* name : {"LD_PRELOAD",
                           "LD_LIBRARY_PATH",
                           "LD_AUDIT",
                           "GLIBC_TUNABLES",
                           "PYTHONPATH",
                           "PYTHONHOME",
                           "PYTHONSTARTUP",
                           "NODE_OPTIONS",
                           "BASH_ENV",
                           "ENV",
                           "SSL_CERT_FILE",
                           "SSL_CERT_DIR",
                           "PATH",
                           "IFS",
                           "PORT",
                           "SHUTDOWN_TIMEOUT",
                           "PIPECAT_SETUP_FILES",
                           "AGENT_SECRETS_CREDENTIAL",
                           "AGENT_SECRETS_ANYTHING",
                           "BASH_FUNC_x%%"}) {
    INFO(name);
    const auto reason = reserved_reason(name);
    REQUIRE(reason.has_value());
    CHECK_FALSE(reason->empty());
  }
}

TEST_CASE("names that only look similar are free") {
  for (const char* name : {"OPENAI_API_KEY", "LDAP_PASSWORD", "MY_LD_PRELOAD", "PATHS",
                           "ENVIRONMENT", "PORTAL", "ld_preload", "AGENT_SECRET", ""}) {
    INFO(name);
    CHECK_FALSE(reserved_reason(name).has_value());
  }
}
