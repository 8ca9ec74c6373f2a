#include "control-plane/keys/authority.h"

#include "control-plane/database/failure.h"
#include "core/error.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"

namespace agent_secrets::control_plane {
namespace {

SecretBuffer key_of(char fill) { return SecretBuffer::copy_of(std::string(32, fill)); }

Authority authority_of(char fill, UncodedRows uncoded = UncodedRows::refused,
                       std::string purpose = "authority") {
  std::vector<SecretBuffer> keys;
  keys.push_back(key_of(fill));
  return {std::move(purpose), std::move(keys), uncoded};
}

CodedRow row_of(std::int64_t id, std::string_view text) {
  CodedRow row("tokens", std::to_string(id));
  row.number(id).text(text);
  return row;
}

}  // namespace

TEST_CASE("a code holds for its row and for no other", "[authority]") {
  const Authority authority = authority_of('a');
  const AuthorityCode code = authority.code(row_of(1, "admin"));
  CHECK(code.size() == 32);
  CHECK(authority.accepts(row_of(1, "admin"), code));
  CHECK_FALSE(authority.accepts(row_of(2, "admin"), code));
  CHECK_FALSE(authority.accepts(row_of(1, "member"), code));
  CodedRow other_table("api_keys", "1");
  other_table.number(1).text("admin");
  CHECK_FALSE(authority.accepts(other_table, code));
}

TEST_CASE("a code of another key or for another purpose does not hold", "[authority]") {
  const AuthorityCode code = authority_of('a').code(row_of(1, "admin"));
  CHECK_FALSE(authority_of('b').accepts(row_of(1, "admin"), code));
  const Authority region = authority_of('a', UncodedRows::refused, "authority:us-west");
  CHECK_FALSE(region.accepts(row_of(1, "admin"), code));
}

TEST_CASE("a row without a code, or with a part of one, is refused", "[authority]") {
  const Authority authority = authority_of('a');
  const CodedRow row = row_of(1, "admin");
  AuthorityCode code = authority.code(row);
  CHECK_FALSE(authority.accepts(row, std::nullopt));
  CHECK_FALSE(authority.accepts(row, AuthorityCode()));
  code.pop_back();
  CHECK_FALSE(authority.accepts(row, code));
}

TEST_CASE("rows with other columns have other encodings", "[authority]") {
  const auto encoding = [](const auto& fill) {
    CodedRow row("tokens", "");
    fill(row);
    return std::vector<std::uint8_t>(row.encoding().begin(), row.encoding().end());
  };
  const std::vector<std::vector<std::uint8_t>> encodings = {
      encoding([](CodedRow&) {}),
      encoding([](CodedRow& row) { row.text(""); }),
      encoding([](CodedRow& row) { row.text("").text(""); }),
      encoding([](CodedRow& row) { row.text("ab").text("c"); }),
      encoding([](CodedRow& row) { row.text("a").text("bc"); }),
      encoding([](CodedRow& row) { row.optional_number(std::nullopt); }),
      encoding([](CodedRow& row) { row.number(0); }),
      encoding([](CodedRow& row) { row.number(-1); }),
      encoding([](CodedRow& row) { row.text(std::string(8, '\0')); }),
      encoding([](CodedRow& row) { row.bytes(std::vector<std::uint8_t>(8)); }),
      encoding([](CodedRow& row) { row.bytes({}); }),
  };
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      CAPTURE(i, j);
      CHECK(encodings[i] != encodings[j]);
    }
  }
}

TEST_CASE("codes of an earlier key hold until the key is dropped", "[authority]") {
  const AuthorityCode earlier = authority_of('a').code(row_of(1, "admin"));
  std::vector<SecretBuffer> keys;
  keys.push_back(key_of('b'));
  keys.push_back(key_of('a'));
  const Authority rotated("authority", std::move(keys), UncodedRows::refused);
  CHECK(rotated.accepts(row_of(1, "admin"), earlier));
  CHECK(rotated.code(row_of(1, "admin")) == authority_of('b').code(row_of(1, "admin")));
}

TEST_CASE("a refused row is counted each time and logged once, with its table and key",
          "[authority]") {
  const CapturedLog log;
  const Authority authority = authority_of('a');
  CHECK_FALSE(authority.accepts(row_of(7, "before"), std::nullopt));
  CHECK(log.text().empty());  // a command has no log
  authority.refused()->log_to(log.log());
  CHECK_FALSE(authority.accepts(row_of(1, "the-text"), std::nullopt));
  CHECK_FALSE(authority.accepts(row_of(1, "the-text"), std::nullopt));
  CHECK(authority.refused()->count() == 3);
  const std::string lines = log.text();
  CHECK(lines.find("error") != std::string::npos);
  CHECK(lines.find("table=tokens") != std::string::npos);
  CHECK(lines.find("key=1") != std::string::npos);
  CHECK(lines.find("the-text") == std::string::npos);
  CHECK(lines.find('\n') == lines.size() - 1);
}

TEST_CASE("a row that is required and refused ends the work as untrusted", "[authority]") {
  const Authority authority = authority_of('a');
  try {
    authority.require(row_of(1, "admin"), std::nullopt);
    FAIL("it was accepted");
  } catch (const DatabaseFailure& failure) {
    CHECK(failure.error().code == ErrorCode::untrusted);
    CHECK(failure.error().message.find("table tokens, key 1") != std::string::npos);
  }
}

TEST_CASE("during an upgrade rows without a code are accepted, and still found", "[authority]") {
  const Authority authority = authority_of('a', UncodedRows::accepted);
  CHECK(authority.accepts(row_of(1, "admin"), std::nullopt));
  CHECK_FALSE(authority.holds(row_of(1, "admin"), std::nullopt));
  CHECK(authority.refused()->count() == 0);
}

}  // namespace agent_secrets::control_plane
