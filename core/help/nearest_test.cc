#include "core/help/nearest.h"

#include <vector>

#include "tests/catch.h"

using namespace agent_secrets::help;

TEST_CASE("each edit counts once, an exchange of neighbours too") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("status", "status") == 0);
  CHECK(edit_distance("staus", "status") == 1);
  CHECK(edit_distance("statuss", "status") == 1);
  CHECK(edit_distance("stotus", "status") == 1);
  CHECK(edit_distance("satus", "status") == 1);
  CHECK(edit_distance("tsatus", "status") == 1);
  CHECK(edit_distance("ca", "abc") == 3);  // no part is edited twice; without that rule, 2
  CHECK(edit_distance("run", "env") == 3);
}

TEST_CASE("words that are too long are never near") {
  const std::string longest(kWordMax, 'a');
  CHECK(edit_distance(longest, longest) == 0);
  CHECK(edit_distance(longest + 'a', longest + 'a') == kWordMax + 1);
  CHECK_FALSE(nearest(longest + 'a', std::vector<std::string>{longest + 'a'}));
}

TEST_CASE("the nearest word is at most two edits away, for a short word one") {
  const std::vector<std::string> commands = {"run", "status", "wait-change"};
  CHECK(nearest("staus", commands) == "status");
  CHECK(nearest("stats", commands) == "status");
  CHECK(nearest("sattus", commands) == "status");
  CHECK(nearest("wait_changes", commands) == "wait-change");
  CHECK(nearest("rn", commands) == "run");
  CHECK_FALSE(nearest("r", commands));
  CHECK_FALSE(nearest("sts", commands));
  CHECK_FALSE(nearest("", commands));
  CHECK_FALSE(nearest("start", commands));
}

TEST_CASE("of words that are equally near the first is named") {
  CHECK(nearest("--cache-c", std::vector<std::string>{"--cache-a", "--cache-b"}) == "--cache-a");
  CHECK(nearest("list", std::vector<std::string>{"lost", "list"}) == "list");
}

TEST_CASE("the question names the word") {
  const std::vector<std::string> commands = {"status"};
  CHECK(did_you_mean("staus", commands) == "; did you mean 'status'?");
  CHECK(did_you_mean("serve", commands).empty());
}

TEST_CASE("an unknown option is named without its value, and an option or a command is meant") {
  const std::vector<std::string> options = {"--cache-dir", "-q"};
  const std::vector<std::string> commands = {"check"};
  CHECK(unknown_option("--cache-dirr=hidden", options, commands) ==
        "unknown option --cache-dirr; did you mean '--cache-dir'?");
  CHECK(unknown_option("--chek", options, commands) ==
        "unknown option --chek; did you mean 'check'?");
  CHECK(unknown_option("--other", options, commands) == "unknown option --other");
  CHECK(unknown_option("-xhidden", options, commands) == "unknown option -x");
}
