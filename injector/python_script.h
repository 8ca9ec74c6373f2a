#pragma once
// Which Python file a command line runs, as far as its words tell: `python bot.py`,
// `python3 -u src/bot.py`, `python -m pkg`, `uv run bot.py`, `tini -- python bot.py`, `./bot` with
// Python in its first line. Python itself says how its command line is read ("1. Command line and
// environment" of its manual).
//
// The file matters because load_dotenv() of python-dotenv begins its search in the directory of the
// file that calls it, which is this file in most bots.

#include <string>
#include <vector>

namespace agent_secrets {

// The directory of that file, absolute and without `.` and `..`. The working directory where the
// words name no Python file: `python -c`, an installed program such as uvicorn, a program that is
// not Python. `environment` is for PYTHONPATH; `working_directory` is absolute or ".".
std::string script_directory(const std::vector<std::string>& command, char** environment,
                             const std::string& working_directory);

}  // namespace agent_secrets
