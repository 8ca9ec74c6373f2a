#include "injector/options.h"

#include "tests/catch.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

using Strings = std::vector<std::string>;

Result<Options> parse(Strings words) {
  words.insert(words.begin(), "secret-injector");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return parse_options(static_cast<int>(words.size()), argv.data());
}

std::string message_of(const Strings& words) {
  const auto options = parse(words);
  REQUIRE_FALSE(options.has_value());
  CHECK(options.error().code == ErrorCode::invalid);
  CHECK_FALSE(options.error().hint.empty());
  return options.error().message;
}

}  // namespace

TEST_CASE("a cache that is required needs a directory, and its patience is a duration") {
  CHECK(parse({"--cache-dir", "/c", "--cache=required", "--", "bot"})->cache.required);
  CHECK_FALSE(parse({"--cache-dir", "/c", "--cache=optional", "--", "bot"})->cache.required);
  CHECK_FALSE(parse({"--cache=required", "--", "bot"}).has_value());
  CHECK_FALSE(parse({"--cache-dir", "/c", "--cache=sometimes", "--", "bot"}).has_value());
  CHECK(parse({"--", "bot"})->cache.serve_after == std::chrono::seconds(2));
  CHECK(parse({"--cache-after", "7s", "--", "bot"})->cache.serve_after == std::chrono::seconds(7));
  CHECK_FALSE(parse({"--cache-after", "0s", "--", "bot"}).has_value());
}

TEST_CASE("the first word that is not an option begins the command, with all words after it") {
  CHECK(parse({"python", "-u", "bot.py", "--timeout", "--only=x"})->command ==
        Strings{"python", "-u", "bot.py", "--timeout", "--only=x"});
  CHECK(parse({"--", "python", "--", "-v"})->command == Strings{"python", "--", "-v"});
  CHECK(parse({"-v", "--", "--odd"})->command == Strings{"--odd"});
  CHECK(parse({"--only", "A", "python", "-q"})->command == Strings{"python", "-q"});
  CHECK(parse({"--sidecar", "python"})->command == Strings{"python"});
  CHECK(parse({"python", ""})->command == Strings{"python", ""});
}

TEST_CASE("a command with the name of an action needs two dashes before it") {
  CHECK(parse({"--", "keygen"})->action == Action::run);
  CHECK(parse({"-v", "keygen"})->command == Strings{"keygen"});
  CHECK(parse({"keygen", "seed"})->action == Action::keygen);
  CHECK(parse({"keygen", "seed"})->seed_path == "seed");
  CHECK(parse({"watch-credential", "--credential-file", "c"})->credential_file == "c");
}

TEST_CASE("keys are separated by commas or by repeating the option") {
  const auto options =
      parse({"--only", "A,B", "--only", "C", "--require=D", "--allow", "PORT", "bot"});
  REQUIRE(options.has_value());
  CHECK(options->environment.only == Strings{"A", "B", "C"});
  CHECK(options->environment.require == Strings{"D"});
  CHECK(options->environment.allow == Strings{"PORT"});
  CHECK(options->command == Strings{"bot"});
}

TEST_CASE("the defaults are the defaults in the help text") {
  const auto options = parse({"bot"});
  REQUIRE(options.has_value());
  CHECK(options->timeout == 30s);
  CHECK(options->cache.max_age == 24h);
  CHECK_FALSE(options->cache.accepted_sequence.has_value());
  CHECK(options->environment.on_conflict == OnConflict::replace);
  CHECK(options->sidecar == SidecarWish::none);
  CHECK_FALSE(options->core_dumps);
  CHECK_FALSE(options->allow_plain_http);
}

TEST_CASE("every option sets its member") {
  const auto options =
      parse({"--timeout", "5", "--cache-dir", "c", "--cache-max-age", "7d", "--accept-sequence",
             "0", "--on-conflict", "keep", "--state-dir", "s", "--sidecar=required", "--core", "-v",
             "--credential-file=f", "--allow-plain-http", "bot"});
  REQUIRE(options.has_value());
  CHECK(options->timeout == 5s);
  CHECK(options->cache_directory == "c");
  CHECK(options->cache.max_age == 168h);
  CHECK(options->cache.accepted_sequence == 0);
  CHECK(options->environment.on_conflict == OnConflict::keep);
  CHECK(options->state_directory == "s");
  CHECK(options->sidecar == SidecarWish::required);
  CHECK(options->core_dumps);
  CHECK(options->allow_plain_http);
  CHECK(options->verbosity == Verbosity::verbose);
  CHECK(options->credential_file == "f");
  CHECK(parse({"--user", "1:2,3", "bot"})->user->groups == std::vector<gid_t>{2, 3});
  CHECK(parse({"--env-file", "a", "--env-file", "b", "bot"})->env_files == Strings{"a", "b"});
}

TEST_CASE("help and version need no command") {
  CHECK(parse({"-h"})->action == Action::help);
  CHECK(parse({"--help", "--bad"})->action == Action::help);
  CHECK(parse({"-h"})->help_words == Strings{"help"});
  CHECK(parse({"check", "--help"})->help_words == Strings{"help", "check"});
  CHECK(parse({"help", "check"})->help_words == Strings{"help", "check"});
  CHECK(parse({"completion", "bash"})->help_words == Strings{"completion", "bash"});
  CHECK(parse({"--", "help"})->command == Strings{"help"});
  CHECK(parse({"-v", "completion"})->command == Strings{"completion"});
  CHECK(parse({"--version"})->action == Action::version);
}

TEST_CASE("an invalid command line is refused") {
  CHECK(message_of({}) == "no command is given");
  CHECK(message_of({"--"}) == "no command is given");
  CHECK(message_of({"--bad", "bot"}) == "unknown option --bad");
  CHECK(message_of({"-x", "--", "bot"}) == "unknown option -x");
  CHECK(message_of({"--chek"}) == "unknown option --chek; did you mean 'check'?");
  CHECK(message_of({"--cache-dirr=hidden", "--", "bot"}) ==
        "unknown option --cache-dirr; did you mean '--cache-dir'?");
  CHECK(message_of({"keygen", "--only", "A", "f"}) == "unknown option --only");
  CHECK(message_of({"--timeout", "0", "bot"}).starts_with("--timeout: '0'"));
  CHECK(message_of({"--timeout", "2h", "bot"}).starts_with("--timeout: '2h'"));
  CHECK(message_of({"--cache-max-age", "soon", "bot"}).starts_with("--cache-max-age: 'soon'"));
  CHECK_FALSE(parse({"--on-conflict", "maybe", "bot"}).has_value());
  CHECK_FALSE(parse({"--accept-sequence", "-1", "bot"}).has_value());
  CHECK_FALSE(parse({"--sidecar=maybe", "bot"}).has_value());
  CHECK_FALSE(parse({"--only"}).has_value());
  CHECK(message_of({"--user", "bot", "cmd"}) == "--user: 'bot' is not UID:GID[,GID...]");
  CHECK_FALSE(parse({"keygen"}).has_value());
  CHECK(message_of({"keygen", "a", "b"}) == "'b' has no meaning here");
  CHECK(message_of({"watch-credential", "file"}) == "'file' has no meaning here");
  CHECK_FALSE(parse({"--env-file", "e", "--sidecar", "bot"}).has_value());
}

TEST_CASE("check and env take the options of a start, and a command only after two dashes") {
  const auto check = parse({"check", "--json", "--only", "A", "--", "python", "-u"});
  REQUIRE(check.has_value());
  CHECK(check->action == Action::check);
  CHECK(check->json);
  CHECK(check->environment.only == Strings{"A"});
  CHECK(check->command == Strings{"python", "-u"});
  CHECK(parse({"env", "--env-file", ".env"})->action == Action::list_environment);
  CHECK(parse({"check"})->command.empty());
  CHECK(message_of({"check", "--env-file", "a", "--cache-dir", "b"}).find("--env-file") == 0);
}

TEST_CASE("a command line for env(1) is refused with a hint") {
  const auto options = parse({"env", "A=1", "bot"});
  REQUIRE_FALSE(options.has_value());
  CHECK(options.error().message == "'A=1' has no meaning here");
  CHECK(options.error().hint.find("secret-injector -- env A=1") != std::string::npos);
  CHECK(parse({"--", "env", "A=1"})->command == Strings{"env", "A=1"});
}

TEST_CASE("only check and env take --json") {
  CHECK(message_of({"--json", "bot"}) == "unknown option --json");
  CHECK(message_of({"keygen", "--json", "seed"}) == "unknown option --json");
}

TEST_CASE("a one-shot command has no state directory and no sidecar") {
  CHECK(parse({"bot"})->purpose == std::nullopt);
  CHECK(parse({"--one-shot", "printenv"})->purpose == Purpose::one_shot);
  CHECK(parse({"--one-shot", "--env-file", ".env", "printenv"}).has_value());
  CHECK(message_of({"--one-shot", "--sidecar", "printenv"}).find("--one-shot") !=
        std::string::npos);
  CHECK(message_of({"--one-shot", "--state-dir", "/run/x", "printenv"}).find("--one-shot") !=
        std::string::npos);
}

TEST_CASE("option --rename takes pairs by comma or by repeating, --file one word each") {
  const auto options = parse({"--rename", "A=B,C=D", "--rename", "E=F", "--prefix", "P_", "--file",
                              "K=V:/run/a,b", "--file", "L", "bot"});
  REQUIRE(options.has_value());
  const EnvironmentPolicy& environment = options->environment;
  REQUIRE(environment.renaming.renames.size() == 3);
  CHECK(environment.renaming.renames[2] == Rename{.from = "E", .to = "F"});
  CHECK(environment.renaming.prefix == "P_");
  REQUIRE(environment.files.size() == 2);
  CHECK(environment.files[0].path == "/run/a,b");
  CHECK(options->command == Strings{"bot"});
}

TEST_CASE("options for files that contradict each other are refused") {
  CHECK(message_of({"--file", "K=V", "--rename", "K=L", "bot"}) ==
        "both --file and --rename name a variable for K");
  CHECK(parse({"--file", "K", "--rename", "K=L", "bot"}).has_value());
  CHECK(message_of({"--allow-disk", "--file", "K=V", "bot"}).starts_with("--allow-disk"));
  CHECK(parse({"--allow-disk", "--file", "K=V:/f", "bot"})->allow_disk);
  CHECK(message_of({"--one-shot", "--file", "K=V:/f", "bot"}).starts_with("--one-shot"));
  CHECK(parse({"--one-shot", "--file", "K=V", "bot"}).has_value());
  CHECK(message_of({"--prefix", "A=", "bot"}) == "--prefix: 'A=' has a '='");
}

TEST_CASE("option --purpose sets the purpose, and --one-shot means --purpose one-shot") {
  CHECK(parse({"--purpose", "bot", "x"})->purpose == Purpose::bot);
  CHECK(parse({"--purpose=develop", "x"})->purpose == Purpose::develop);
  CHECK(parse({"--purpose", "one-shot", "x"})->purpose == Purpose::one_shot);
  CHECK_FALSE(parse({"--purpose", "test", "x"}).has_value());
  CHECK_FALSE(parse({"--purpose", "bot", "--one-shot", "x"}).has_value());
  CHECK(message_of({"--purpose", "one-shot", "--sidecar", "x"}).find("--one-shot") !=
        std::string::npos);
  CHECK(message_of({"--purpose", "develop", "--sidecar", "x"}) ==
        "--purpose develop is for a run without a sidecar: with --sidecar leave --purpose out");
  CHECK(parse({"--purpose", "develop", "--state-dir", "/run/x", "x"}).has_value());
}

TEST_CASE("an option with an empty value does not take the next word as its value") {
  for (const char* option : {"--prefix=", "--only=", "--state-dir=", "--env-file=", "--only=,"}) {
    CAPTURE(option);
    const std::string name = std::string(option).substr(0, std::string(option).find('='));
    CHECK(message_of({option, "--", "bot"}) == name + ": the value is empty");
    CHECK(message_of({option, "bot"}) == name + ": the value is empty");
  }
  CHECK(message_of({"--only", ",", "bot"}) == "--only: the value is empty");
  CHECK(parse({"--prefix", "P_", "bot", "--only="})->command == Strings{"bot", "--only="});
}

TEST_CASE("--agent is a developer's run, which does not get the token") {
  const auto options =
      parse({"--agent", "bot", "--organization", "acme", "--expires", "2h", "--", "python"});
  REQUIRE(options.has_value());
  CHECK(options->develop.agent == "bot");
  CHECK(options->develop.organization == "acme");
  CHECK(options->develop.lifetime == 2h);
  CHECK(options->purpose == Purpose::develop);
  CHECK(options->environment.without_cli_token);
  CHECK(parse({"--agent", "bot", "--", "python"})->develop.lifetime == 8h);
  CHECK(parse({"--agent", "bot", "--one-shot", "--", "python"})->purpose == Purpose::one_shot);
  CHECK(parse({"env", "--agent", "bot"})->develop.agent == "bot");
  CHECK(parse({"check", "--agent", "bot"})->develop.agent == "bot");
  CHECK_FALSE(parse({"--", "python"})->environment.without_cli_token);
}

TEST_CASE("options that contradict --agent are refused") {
  for (const Strings& beside : std::vector<Strings>{{"--credential-file", "c"},
                                                    {"--env-file", ".env"},
                                                    {"--cache-dir", "/c"},
                                                    {"--sidecar"},
                                                    {"--purpose", "bot"},
                                                    {"--expires", "25h"},
                                                    {"--expires", "0s"}}) {
    Strings words{"--agent", "bot"};
    words.insert(words.end(), beside.begin(), beside.end());
    words.insert(words.end(), {"--", "python"});
    message_of(words);
  }
  message_of({"--organization", "acme", "--", "python"});
  message_of({"--expires", "1h", "--", "python"});
  message_of({"--agent=", "--", "python"});
}
