#include "core/printable.h"

#include "tests/catch.h"

using namespace agent_secrets;

TEST_CASE("what is printable stays as it is") {
  CHECK(printable("CN=server \\ \"q\" Gr\u00fc\u00dfe \u2713") ==
        "CN=server \\ \"q\" Gr\u00fc\u00dfe \u2713");
  CHECK(printable("").empty());
}

TEST_CASE("control characters and invalid UTF-8 are shown, byte by byte") {
  CHECK(printable("a\x1b[31mb\n\t\x7f") == "a\\x1b[31mb\\x0a\\x09\\x7f");
  CHECK(printable("\xc2\x9b") == "\\xc2\\x9b");  // CSI as one C1 character
  CHECK(printable("\xff\xc0\x80") == "\\xff\\xc0\\x80");
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
}
