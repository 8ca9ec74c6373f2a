// The texts that are made of a manual, and the errors of a command line.

#include <algorithm>
#include <sstream>

#include "core/help/answer.h"
#include "core/help/command_line.h"
#include "core/help/completion.h"
#include "core/help/layout.h"
#include "core/help/man_page.h"
#include "tests/catch.h"

using namespace agent_secrets;
using namespace agent_secrets::help;

namespace {

// "tool serve --port N", "tool key add NAME [--kind a|b]".
struct Tool {
  Tool() : line({.name = "tool", .summary = "do things", .version = "1.2"}) {
    CLI::App* serve = line.app().add_subcommand("serve", "Serve");
    between(serve->add_option("--port", port, "the port"), 1, 9, "N")->capture_default_str();
    serve->add_flag("--json", json, "print JSON")->envname("TOOL_JSON");
    line.explain(serve, {.examples = {{"tool serve --port 7", "On another port"}}});
    CLI::App* key = line.app().add_subcommand("key", "Manage keys");
    key->require_subcommand(1);
    CLI::App* add = key->add_subcommand("add", "Make a key. Then print it");
    add->add_option("name", name, "its name")->required();
    one_of(add->add_option("--kind", kind, "the kind"), {"a", "b"})->capture_default_str();
    add->add_option("--file", files, "a file; more follow")->type_name("FILE");
  }

  Result<std::optional<std::string>> parse(std::vector<const char*> words) {
    words.insert(words.begin(), "tool");
    return line.parse(static_cast<int>(words.size()), words.data());
  }

  std::string error(std::vector<const char*> words) {
    const auto text = parse(std::move(words));
    REQUIRE_FALSE(text.has_value());
    CHECK(text.error().code == ErrorCode::invalid);
    return text.error().message;
  }

  CommandLine line;
  int port = 5;
  bool json = false;
  std::string name;
  std::string kind = "a";
  std::vector<std::string> files;
};

std::string text_of(Tool& tool, std::vector<const char*> words) {
  const auto text = tool.parse(std::move(words));
  REQUIRE(text.has_value());
  REQUIRE(text->has_value());
  return **text;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a command that was chosen has its options") {
  Tool tool;
  const auto text = tool.parse({"key", "add", "mine", "--kind", "b"});
  REQUIRE(text.has_value());
  CHECK_FALSE(text->has_value());
  CHECK(tool.name == "mine");
  CHECK(tool.kind == "b");
}

TEST_CASE("a wrong word is named, and the nearest one") {
  CHECK(Tool().error({"srve"}) == "unknown command 'srve'; did you mean 'serve'?");
  CHECK(Tool().error({"hlep"}) == "unknown command 'hlep'; did you mean 'help'?");
  CHECK(Tool().error({"key", "ad", "mine"}) == "unknown command 'ad'; did you mean 'add'?");
  CHECK(Tool().error({"help", "kye"}) == "unknown command 'kye'; did you mean 'key'?");
  CHECK(Tool().error({"serve", "--prot", "7"}) == "unknown option --prot; did you mean '--port'?");
  CHECK(Tool().error({"--serve"}) == "unknown option --serve; did you mean 'serve'?");
  CHECK(Tool().error({"completion", "bsh"}) ==
        "there is no completion for 'bsh'; did you mean 'bash'?");
}

TEST_CASE("a value behind an option is never repeated") {
  CHECK(Tool().error({"serve", "--prot=hidden"}).find("hidden") == std::string::npos);
  CHECK(Tool().error({"serve", "--prot", "hidden"}).find("hidden") == std::string::npos);
  CHECK(Tool().error({"serve", "--json", "hidden"}).find("hidden") == std::string::npos);
  CHECK(Tool().error({"serve", "-xhidden"}).find("hidden") == std::string::npos);
  CHECK(Tool().error({"key", "--kid", "hidden"}).find("hidden") == std::string::npos);
}

TEST_CASE("a missing word is asked for") {
  CHECK(Tool().error({}) == "a command is missing: serve, key, completion, help");
  CHECK(Tool().error({"key"}) == "a command is missing: add");
  CHECK(Tool().error({"key", "add"}) == "name is required");
  CHECK(Tool().error({"key", "add", "a", "b"}) == "unexpected argument 'b'");
  CHECK(Tool().error({"completion"}) == "completion: exactly one shell is needed");
}

TEST_CASE("help of a command is that of its --help") {
  Tool tool;
  CHECK(text_of(tool, {"help"}) == text_of(tool, {"--help"}));
  CHECK(text_of(tool, {"help", "key", "add"}) == text_of(tool, {"key", "add", "--help"}));
  CHECK(text_of(tool, {"help", "--help"}) != text_of(tool, {"completion", "-h", "x"}));
}

TEST_CASE("the help has usage, examples, defaults, bounds and variables") {
  Tool tool;
  const std::string serve = text_of(tool, {"help", "serve"});
  CHECK(has(serve, "tool serve [OPTIONS]"));
  CHECK(has(serve, "tool serve --port 7"));
  CHECK(has(serve, "the port (1 to 9) [default: 5]"));
  CHECK(has(serve, "[$TOOL_JSON]"));
  const std::string add = text_of(tool, {"help", "key", "add"});
  CHECK(has(add, "tool key add [OPTIONS] NAME"));
  CHECK(has(add, "--kind a|b"));
  CHECK(has(add, "(repeatable)"));
  CHECK(text_of(tool, {"--version"}) == "tool 1.2\n");
}

TEST_CASE("no line is wider than asked for, and titles are bold only where that is wanted") {
  Tool tool;
  const Program program = tool.line.manual();
  for (const std::size_t width : {60uz, 80uz, 100uz, 500uz}) {
    std::istringstream lines(help_text(program, program.command, {.width = width}));
    for (std::string line; std::getline(lines, line);) {
      CHECK(line.size() <= std::clamp(width, kNarrowestHelp, kWidestHelp));
    }
  }
  CHECK_FALSE(has(help_text(program, program.command, {}), "\x1b"));
  CHECK(has(help_text(program, program.command, {.bold_titles = true}), "\x1b[1mUsage\x1b[0m"));
}

TEST_CASE("text is broken at spaces") {
  CHECK(wrap("", 5).empty());
  CHECK(wrap("a bb  ccc", 4) == std::vector<std::string>{"a bb", "ccc"});
  CHECK(wrap("abcdefgh i", 4) == std::vector<std::string>{"abcdefgh", "i"});
  CHECK(paragraphs("a\nb\n\nc") == std::vector<std::string>{"a\nb", "c"});
}

TEST_CASE("the man page escapes what mdoc would take for itself") {
  Tool tool;
  Program program = tool.line.manual();
  program.command.notes.text = ".dot \\back. Next 'quote";
  const std::string page = man_page(program, std::chrono::sys_days(std::chrono::days(20'000)));
  CHECK(has(page, ".Dd October 4, 2024\n.Dt TOOL 1\n"));
  CHECK(has(page, "\\&.dot \\eback.\nNext 'quote\n"));
  CHECK(has(page, ".It Fl \\-port Ar \"N\"\n"));
  CHECK(has(page, ".Ss \"key add\"\n"));
}

TEST_CASE("each completion knows every command and option") {
  Tool tool;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = text_of(tool, {"completion", shell});
    CAPTURE(shell);
    for (const char* word : {"serve", "add", "port", "json", "kind", "a b", "completion"}) {
      if (std::string_view(shell) == "bash" && std::string_view(word) == "a b") continue;
      CHECK(has(script, word));
    }
  }
  CHECK(short_text("Make a key. Then print it") == "Make a key");
  CHECK(short_text("a file; more follow") == "a file");
  CHECK(short_text("plain") == "plain");
}
