#include "injector/check_report.h"

#include "core/json_reader.h"
#include "tests/catch.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

constexpr TerminalStyle kPlain{};
constexpr TerminalStyle kWords{.symbols = false};
constexpr TerminalStyle kColoured{.terminal = true, .colour = true};

Step connect_step() {
  return {.name = "connect",
          .took = 1'250us,
          .detail = "127.0.0.1",
          .facts = {{"address", "127.0.0.1"}}};
}

Step warned_step() {
  Step step{.name = "tls", .detail = "TLSv1.3"};
  step.warn("2d left", "renew it");
  return step;
}

Step broken_step() {
  return failed_step("proof", {ErrorCode::forbidden, "revoked", "issue a new one"}, kExitRefused);
}

}  // namespace

TEST_CASE("a step is a line with its time, and its hint is a second line") {
  CHECK(step_lines(connect_step(), kPlain) == "✓ connect         1.2 ms  127.0.0.1\n");
  CHECK(step_lines(warned_step(), kPlain) ==
        "! tls                     TLSv1.3; 2d left\n  hint: renew it\n");
  CHECK(step_lines(broken_step(), kPlain) ==
        "✗ proof                   revoked\n  hint: issue a new one\n");
}

TEST_CASE("without UTF-8 the marks are words of equal width") {
  CHECK(step_lines(connect_step(), kWords).starts_with("ok   connect "));
  CHECK(step_lines(warned_step(), kWords).starts_with("warn tls "));
  CHECK(step_lines(broken_step(), kWords).starts_with("FAIL proof "));
}

TEST_CASE("only the marks are coloured, and only if colour is enabled") {
  CHECK(step_lines(connect_step(), kColoured).starts_with("\x1b[32m✓\x1b[0m connect"));
  CHECK(step_lines(warned_step(), kColoured).starts_with("\x1b[33m!\x1b[0m"));
  CHECK(step_lines(broken_step(), kColoured).starts_with("\x1b[31m✗\x1b[0m"));
  CHECK(step_lines(broken_step(), kPlain).find('\x1b') == std::string::npos);
}

TEST_CASE("control characters in a detail and a hint are escaped") {
  Step step = connect_step();
  step.detail = "CN=\x1b[2J\n✓ proof";
  step.hint = "a\nb";
  CHECK(step_lines(step, kPlain) ==
        "✓ connect         1.2 ms  CN=\\x1b[2J\\x0a✓ proof\n  hint: a\\x0ab\n");
}

TEST_CASE("the exit code is the code of the failed step, or 1 with warnings, or 0") {
  CHECK(exit_code_of(CheckReport{.steps = {connect_step()}}) == 0);
  CHECK(exit_code_of(CheckReport{.steps = {connect_step(), warned_step()}}) == 1);
  CHECK(exit_code_of(CheckReport{.steps = {warned_step(), broken_step()}}) == 4);
}

TEST_CASE("the last line has the meaning of the exit code in words") {
  CHECK(verdict_line({.steps = {connect_step()}}, kPlain) == "all is well\n");
  CHECK(verdict_line({.steps = {warned_step()}}, kPlain) == "works, with 1 warning\n");
  CHECK(verdict_line({.steps = {warned_step(), warned_step()}}, kPlain) ==
        "works, with 2 warnings\n");
  CHECK(verdict_line({.steps = {warned_step(), broken_step()}}, kPlain) ==
        "stopped at proof: exit code 4\n");
}

TEST_CASE("several warnings of a step are one sentence, and do not replace a failure") {
  Step step = warned_step();
  step.warn("and more", "do that");
  CHECK(step.detail == "TLSv1.3; 2d left; and more");
  CHECK(step.hint == "do that");
  Step failed = broken_step();
  failed.warn("and more", "do that");
  CHECK(failed.status == StepStatus::failed);
}

TEST_CASE("the JSON document has every step with its facts") {
  Step step = connect_step();
  step.facts = {{"through_proxy", false},
                {"tries", std::int64_t{2}},
                {"address", "bad\xff"},
                {"silent_urls", std::vector<std::string>{"https://a", "https://b"}}};
  const std::string text = report_json({.steps = {step, broken_step()}}, kExitRefused);
  JsonDocument document(text, text.size());
  const JsonObject root = document.root();
  CHECK(root.text("version", 64) == AGENT_SECRETS_VERSION);
  CHECK(root.integer("exit_code") == 4);
  const auto steps = root.objects("steps", 8);
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].text("name", 64) == "connect");
  CHECK(steps[0].text("status", 64) == "ok");
  CHECK(steps[0].integer("us") == 1250);
  CHECK_FALSE(steps[0].has("hint"));
  const JsonObject facts = steps[0].object("facts");
  CHECK_FALSE(facts.boolean("through_proxy"));
  CHECK(facts.integer("tries") == 2);
  CHECK(facts.text("address", 64) == "bad\\xff");
  CHECK(facts.texts("silent_urls", 8, 64).size() == 2);
  CHECK(steps[1].text("status", 64) == "failed");
  CHECK_FALSE(steps[1].has("us"));
  CHECK(steps[1].text("detail", 64) == "revoked");
  CHECK(steps[1].text("hint", 64) == "issue a new one");
  CHECK(document.finish().has_value());
}
