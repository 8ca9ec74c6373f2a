#include "injector/python_script.h"

#include <filesystem>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;
using Strings = std::vector<std::string>;

namespace {

// A project with src/bot.py, src/pkg/__main__.py, src/tool.py and scripts.
class Project {
 public:
  Project() {
    for (const char* name : {"src/pkg", "scripts", "venv/bin", "lib/other"}) {
      std::filesystem::create_directories(directory_.path(name));
    }
    for (const char* name :
         {"src/bot.py", "src/pkg/__main__.py", "src/tool.py", "lib/other/__main__.py"}) {
      directory_.write(name, "");
    }
    directory_.write("scripts/bot", "#!/usr/bin/env python3\n");
    directory_.write("scripts/uv", "#!/usr/bin/env -S uv run --script\n");
    directory_.write("scripts/shell", "#!/bin/sh\n");
    directory_.write("venv/bin/uvicorn", "#!/app/venv/bin/python\n");
  }

  // Relative to the project.
  std::string of(const Strings& command, std::string variable = "") {
    std::vector<char*> environment = {variable.data(), nullptr};
    const std::string found = script_directory(command, environment.data(), directory_.path("."));
    return std::filesystem::path(found).lexically_relative(
        std::filesystem::path(directory_.path(".")).lexically_normal());
  }
  std::string path(const std::string& name) { return directory_.path(name); }

 private:
  TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("the result is the directory of the Python file in the command line") {
  Project project;
  for (const Strings& command :
       std::vector<Strings>{{"python", "src/bot.py"},
                            {"/usr/bin/python3.12", "src/bot.py", "other/x.py"},
                            {"python3", "-u", "src/bot.py"},
                            {"python3", "-Wignore", "-X", "dev", "-uB", "src/bot.py"},
                            {"python3", "--check-hash-based-pycs", "always", "--", "src/bot.py"},
                            {"pypy3", "src/"},
                            {"python", "./scripts/../src/bot.py"},
                            {"python", project.path("src/bot.py")},
                            {"python", "-m", "tool"},
                            {"env", "A=1", "python", "src/bot.py"},
                            {"tini", "-g", "--", "python", "src/bot.py"},
                            {"uv", "run", "--with", "aiohttp", "src/bot.py"},
                            {"uv", "run", "--env-file", ".env", "python", "-u", "src/bot.py"},
                            {"python", "-m", "debugpy", "--listen", "5678", "src/bot.py"},
                            {"streamlit", "run", "src/bot.py"},
                            {"src/bot.py"}}) {
    INFO(command.back());
    CHECK(project.of(command, "PYTHONPATH=lib:src") == "src");
  }
}

TEST_CASE("a module is searched in the working directory and in PYTHONPATH") {
  Project project;
  CHECK(project.of({"python", "-m", "src.pkg"}) == "src/pkg");
  CHECK(project.of({"python", "-usm", "src.pkg", "arg"}) == "src/pkg");
  CHECK(project.of({"python", "-msrc.tool"}) == "src");
  CHECK(project.of({"uv", "run", "-m", "src.pkg"}) == "src/pkg");
  CHECK(project.of({"python", "-m", "other"}, "PYTHONPATH=src::lib") == "lib/other");
  CHECK(project.of({"python", "-m", "other"}) == ".");
}

TEST_CASE("a script with Python in its first line counts, an installed program does not") {
  Project project;
  CHECK(project.of({"./scripts/bot"}) == "scripts");
  CHECK(project.of({"scripts/uv"}) == "scripts");
  CHECK(project.of({"scripts/shell"}) == ".");
  CHECK(project.of({"scripts/absent"}) == ".");
  CHECK(project.of({"venv/bin/uvicorn", "bot:app"}) == ".");
}

TEST_CASE("without a Python file the result is the working directory") {
  Project project;
  for (const Strings& command : std::vector<Strings>{{},
                                                     {"python"},
                                                     {"python", "-"},
                                                     {"python", "-c", "src/bot.py"},
                                                     {"python", "-Ic", "pass"},
                                                     {"python", "-m"},
                                                     {"python", "-W"},
                                                     {"python-config", "x"},
                                                     {"uvicorn", "bot:app"},
                                                     {"node", "src/bot.js"}}) {
    CHECK(project.of(command) == ".");
  }
}
