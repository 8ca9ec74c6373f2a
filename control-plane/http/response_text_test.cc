#include "control-plane/http/response_text.h"

#include "tests/catch.h"

namespace agent_secrets::control_plane {

TEST_CASE("an answer has its date in the form of HTTP") {
  const std::string text = response_text({}, {.date = std::chrono::seconds(784'111'777)});
  CHECK(text.contains("\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
}

}  // namespace agent_secrets::control_plane
