// main() of every unit test executable: libsodium must be initialised before the first test, and a
// command on a lifeline is started by this program as its supervisor.
#include <sodium.h>

#include "core/supervisor.h"

#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

int main(int argc, char** argv) {
  if (const auto exit_code = agent_secrets::run_as_supervisor(argc, argv)) return *exit_code;
  if (sodium_init() < 0) return 1;
  return Catch::Session().run(argc, argv);
}
