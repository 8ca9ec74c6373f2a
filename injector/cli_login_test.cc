#include "injector/cli_login.h"

#include <array>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;

namespace {

constexpr std::string_view kHost = "PIPECAT_API_HOST=https://secrets.test";

struct Scene {
  Scene() { directory.write("login.toml", "token = \"pcc_pat_file\"\norg = \"acme\"\n"); }

  Result<CliLogin> find(std::vector<std::string> variables, std::string_view token = "",
                        std::string_view organization = "") {
    variables.push_back("PIPECAT_CONFIG_PATH=" + directory.path(file));
    std::vector<char*> environment;
    for (std::string& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    const SecretBuffer taken = token.empty() ? SecretBuffer() : SecretBuffer::copy_of(token);
    return find_cli_login(environment.data(), taken, organization, log.log());
  }

  TemporaryDirectory directory;
  std::string file = "login.toml";
  CapturedLog log;
};

std::string fault(const Result<CliLogin>& login) {
  REQUIRE_FALSE(login.has_value());
  CHECK_FALSE(login.error().hint.empty());
  return login.error().message;
}

}  // namespace

TEST_CASE("the login is that of the CLI's file") {
  Scene scene;
  const auto login = scene.find({"PIPECAT_API_HOST=https://secrets.test/"});
  REQUIRE(login.has_value());
  CHECK(login->host == "https://secrets.test");
  CHECK(login->token.expose_text() == "pcc_pat_file");
  CHECK(login->organization == "acme");
}

TEST_CASE("variables come before the file, and the command line before them") {
  Scene scene;
  auto login = scene.find({std::string(kHost), "PIPECAT_ORG=beta"}, "pcc_pat_variable");
  REQUIRE(login.has_value());
  CHECK(login->token.expose_text() == "pcc_pat_variable");
  CHECK(login->organization == "beta");
  login = scene.find({std::string(kHost), "PIPECAT_ORG=beta"}, "pcc_pat_variable", "gamma");
  REQUIRE(login.has_value());
  CHECK(login->organization == "gamma");
  login = scene.find({std::string(kHost), "PIPECAT_ORG="}, "pcc_pat_variable");
  REQUIRE(login.has_value());
  CHECK(login->organization == "acme");
}

TEST_CASE("what is missing is named, with what to do") {
  Scene scene;
  CHECK(fault(scene.find({})) == "PIPECAT_API_HOST is not set");
  CHECK(fault(scene.find({"PIPECAT_API_HOST=secrets.test"})).find("is not a URL") !=
        std::string::npos);
  scene.file = "none.toml";
  CHECK(fault(scene.find({std::string(kHost)})) == "you are not logged in: there is no token");
  const auto login = scene.find({std::string(kHost)}, "pcc_pat_variable");
  REQUIRE(login.has_value());
  CHECK(login->organization.empty());
}

TEST_CASE("a token that does not fit into a header is refused, and not shown") {
  Scene scene;
  const std::string message = fault(scene.find({std::string(kHost)}, "two\r\nlines"));
  CHECK(message.find("lines") == std::string::npos);
}

TEST_CASE("a file that others can read is used, with a warning") {
  Scene scene;
  REQUIRE(::chmod(scene.directory.path("login.toml").c_str(), 0644) == 0);
  REQUIRE(scene.find({std::string(kHost)}).has_value());
  CHECK(scene.log.text().find("can be read by other users") != std::string::npos);
  CHECK(scene.log.text().find("pcc_pat_file") == std::string::npos);
}

TEST_CASE("the file is read as the CLI writes it") {
  const auto login = parse_cli_login(
      "# written by the CLI\r\n"
      "refresh_token = \"\"\n"
      "token_expires_at = 1700000000\n"
      "  token='pcc_pat_1'  # a literal string\n"
      "org = \"acme\"\n"
      "\n"
      "[acme]\n"
      "token = \"another\"\n"
      "default_public_key = \"pk_1\"\n",
      "login.toml");
  REQUIRE(login.has_value());
  CHECK(login->token == "pcc_pat_1");
  CHECK(login->organization == "acme");
}

TEST_CASE("a file without a login is no error") {
  for (const char* text : {"", "\n", "# nothing\n", "[acme]\nkey = \"x\"\n"}) {
    const auto login = parse_cli_login(text, "login.toml");
    REQUIRE(login.has_value());
    CHECK(login->token.empty());
    CHECK(login->organization.empty());
  }
}

TEST_CASE("what is not read as TOML says is refused with its line") {
  for (const char* line : {"token", "token =", "token = pcc", "token = \"open", "token = \"a\" b",
                           "token = \"a\\u0041\"", "token = \"\"\"", "other = [", "other = '''"}) {
    INFO(line);
    const auto login = parse_cli_login(std::string("org = \"acme\"\n") + line, "login.toml");
    REQUIRE_FALSE(login.has_value());
    CHECK(login.error().message == "login.toml:2: not `key = \"value\"`");
  }
}
