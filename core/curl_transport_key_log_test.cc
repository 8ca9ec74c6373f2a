#include <cstdlib>
#include <string>

#include <unistd.h>

#include "core/curl_transport.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;

// The libraries start once in a process. ctest runs each file's cases in a process of their own, so
// this case sees the start.
TEST_CASE("keys of connections are not written to the file that SSLKEYLOGFILE names") {
  const TemporaryDirectory directory;
  const std::string file = directory.path("keys");
  ::setenv("SSLKEYLOGFILE", file.c_str(), 1);
  const CurlTransport transport({});
  CHECK(::access(file.c_str(), F_OK) != 0);
  CHECK(std::getenv("SSLKEYLOGFILE") == file);  // the command still gets its environment
}
