#include "core/tls_library.h"

#include <openssl/evp.h>

#include "tests/catch.h"

using namespace agent_secrets;

TEST_CASE("the number of a TLS error becomes its text") {
  start_tls_library();
  CHECK(tls_error_text("OpenSSL/3.0.19: error:0A00010B:lib(20)::reason(267)") ==
        "wrong version number");
  CHECK(tls_error_text("error:0A00010B:SSL routines::wrong version number") ==
        "wrong version number");
  CHECK(tls_error_text("TLS connect error: error:0A00010B:SSL routines::wrong version number") ==
        "wrong version number");
  CHECK(tls_error_text("error:0A000410:lib(20)::reason(1040)") == "tls alert handshake failure");
}

TEST_CASE("a text without the number of a TLS error stays as it is") {
  for (const auto* text : {"", "error:", "error:0A00", "error:0A00xx0B:lib(20)", "error:00000000:",
                           "Connection reset by peer", "error:7FFFFFFF:no library has this"}) {
    CHECK(tls_error_text(text) == text);
  }
}

TEST_CASE("the digests that sign certificates are known by name, where the security level looks") {
  start_tls_library();
  for (const auto* name : {"SHA224", "SHA256", "SHA384", "SHA512", "RSA-SHA256"}) {
    CAPTURE(name);
    CHECK(EVP_get_digestbyname(name) != nullptr);
  }
}
