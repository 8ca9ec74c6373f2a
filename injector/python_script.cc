#include "injector/python_script.h"

#include <algorithm>
#include <array>
#include <climits>
#include <optional>
#include <span>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "injector/environment.h"

namespace agent_secrets {
namespace {

using Words = std::span<const std::string>;

// Paths are strings here, because std::filesystem::path takes ten times the instructions, at every
// start.

std::string joined(const std::string& directory, std::string_view path) {
  return path.starts_with('/') ? std::string(path) : directory + '/' + std::string(path);
}

std::string parent(std::string path) {
  path.resize(path.rfind('/'));  // each path here has one
  return path;
}

// Like os.path.normpath() for an absolute path: changes the text only, and follows no link.
std::string normalized(std::string_view path) {
  std::string normal;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(part.size() + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      normal.append("/").append(part);
    } else if (!normal.empty()) {
      normal.resize(normal.rfind('/'));
    }
  }
  return normal.empty() ? "/" : normal;
}

std::string working_directory_path() {
  std::array<char, PATH_MAX> path{};
  return ::getcwd(path.data(), path.size()) == nullptr ? "" : path.data();
}

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool is_directory(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// python, python3, python3.12t, pypy3 …
bool is_interpreter(std::string_view word) {
  std::string_view name = word.substr(word.rfind('/') + 1);
  for (const std::string_view known : {"python", "pypy"}) {
    if (!name.starts_with(known)) continue;
    name.remove_prefix(known.size());
    return name.find_first_not_of("0123456789.tdw") == std::string_view::npos;
  }
  return false;
}

bool is_script(std::string_view word) { return word.ends_with(".py") && !word.starts_with('-'); }

// "#!/usr/bin/env python3", "#!/usr/bin/env -S uv run --script".
bool is_run_by_python(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  std::array<char, 256> start{};
  const ssize_t size = file.is_open() ? ::read(file.get(), start.data(), start.size()) : 0;
  std::string_view line(start.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  if (!line.starts_with("#!")) return false;
  line = line.substr(0, line.find('\n'));
  return line.find("python") != std::string_view::npos ||
         line.find("uv run") != std::string_view::npos;
}

class ModuleSearch {
 public:
  ModuleSearch(char** environment, std::string working_directory)
      : environment_(environment), here_(std::move(working_directory)) {}

  // Absent if the words name no file.
  [[nodiscard]] std::optional<std::string> of_command(Words words) const {
    for (std::size_t i = 0; i < words.size(); ++i) {
      const Words rest = words.subspan(i + 1);
      if (is_interpreter(words[i])) return of_interpreter(rest);
      if (is_script(words[i])) return parent(joined(here_, words[i]));
      if (i > 0 && words[i] == "-m" && !rest.empty())
        return of_module(rest.front(), rest.subspan(1));
    }
    return words.empty() ? std::nullopt : of_program(words.front());
  }

 private:
  // The words after `python`: options, then a file.
  [[nodiscard]] std::optional<std::string> of_interpreter(Words words) const {
    while (!words.empty() && words.front().starts_with('-')) {
      const std::string_view option = words.front();
      words = words.subspan(1);
      if (option == "-") return std::nullopt;  // the program comes from stdin
      if (option == "--") break;
      if (option.starts_with("--")) {
        if (option == "--check-hash-based-pycs" && !words.empty()) words = words.subspan(1);
        continue;
      }
      // The first letter that takes a value takes the rest of the word, or else the next word.
      const std::size_t letter = option.find_first_of("cmWX");
      if (letter == std::string_view::npos) continue;
      if (option[letter] == 'c') return std::nullopt;
      const std::string_view attached = option.substr(letter + 1);
      if (attached.empty() && words.empty()) return std::nullopt;
      const std::string value = attached.empty() ? words.front() : std::string(attached);
      if (attached.empty()) words = words.subspan(1);
      if (option[letter] == 'm') return of_module(value, words);
    }
    if (words.empty()) return std::nullopt;
    const std::string file = joined(here_, words.front());
    // For a directory or an archive, Python runs the __main__.py in it.
    return is_directory(file) ? file : parent(file);
  }

  // `python -m a.b` runs a/b/__main__.py or a/b.py. An installed module (pytest, uvicorn, debugpy)
  // may have the bot's file among its arguments.
  [[nodiscard]] std::optional<std::string> of_module(std::string name, Words arguments) const {
    std::ranges::replace(name, '.', '/');
    for (const std::string& root : module_roots()) {
      std::string module = joined(root, name);
      if (is_there(module + "/__main__.py")) return module;
      if (is_there(module + ".py")) return parent(module);
    }
    const auto script = std::ranges::find_if(arguments, is_script);
    if (script == arguments.end()) return std::nullopt;
    return parent(joined(here_, *script));
  }

  [[nodiscard]] std::vector<std::string> module_roots() const {
    std::vector<std::string> roots = {here_};
    const char* path = find_variable(environment_, "PYTHONPATH");
    std::string_view rest = path == nullptr ? "" : path;
    while (!rest.empty()) {
      const std::string_view root = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(root.size() + 1, rest.size()));
      if (!root.empty()) roots.push_back(joined(here_, root));
    }
    return roots;
  }

  // A script of the bot. A script in a `bin` directory is an installed program: another file calls
  // load_dotenv().
  [[nodiscard]] std::optional<std::string> of_program(const std::string& word) const {
    if (word.find('/') == std::string::npos) return std::nullopt;
    const std::string file = joined(here_, word);
    std::string directory = parent(file);
    if (directory.ends_with("/bin") || !is_run_by_python(file)) return std::nullopt;
    return directory;
  }

  char** environment_;
  std::string here_;
};

}  // namespace

std::string script_directory(const std::vector<std::string>& command, char** environment,
                             const std::string& working_directory) {
  const std::string here = working_directory == "." ? working_directory_path() : working_directory;
  return normalized(ModuleSearch(environment, here).of_command(command).value_or(here));
}

}  // namespace agent_secrets
