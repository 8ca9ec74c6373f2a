#include "injector/env_file.h"

#include <deque>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <simdjson.h>

#include "core/limits.h"
#include "core/printable.h"
#include "injector/cli_env_file.h"
#include "injector/dotenv_parser.h"
#include "injector/file.h"

namespace agent_secrets {
namespace {

using Values = std::map<std::string_view, std::string_view>;

// Tests the most specific reason first. `binding` is the last statement of its key.
std::string_view reason_of(const DotenvBinding& binding, bool is_marked, bool is_stored) {
  if (!binding.value) return "taken back by a line without '='";
  if (binding.has_lines) return "more than one line";
  if (binding.value->empty()) return "empty";
  if (binding.quote == '\'') return "single quotes";
  if (binding.is_exported) return "export";
  if (binding.is_key_quoted) return "quoted key";
  if (binding.has_comment) return "inline comment";
  if (binding.has_escapes) return "escapes";
  if (is_stored) return "another line of the file";
  return is_marked && binding.line == 1 ? "byte order mark" : "a name that a set cannot have";
}

class Reader {
 public:
  explicit Reader(const EnvFileOptions& options) : options_(options) {}

  Result<void> read(const std::string& path) {
    auto file = read_file(path, limits::kRequestBody);
    if (!file) {
      file.error().hint = "name a file that is there and that this user can read";
      return propagate(file);
    }
    const std::string_view text = file->text.expose_text();
    if (!simdjson::validate_utf8(text.data(), text.size())) {
      return fail(ErrorCode::invalid, fmt::format("{}: not valid UTF-8", path), "save it as UTF-8");
    }
    texts_.push_back(std::move(file->text));  // the pairs point into it
    return options_.format == EnvFormat::cli ? read_as_the_cli(texts_.back(), path)
                                             : read_as_dotenv(texts_.back(), path);
  }

  Result<EnvFiles> finish() {
    std::vector<EnvironmentPair> pairs;
    pairs.reserve(merged_.size());
    for (const auto& [key, value] : merged_) pairs.push_back({.key = key, .value = value});
    auto block = build_environment_block(std::move(pairs));
    if (!block) {
      block.error().hint = "an environment variable cannot hold that: shorten it, or take it out";
      return propagate(block);
    }
    found_.block = std::move(*block);
    return std::move(found_);
  }

 private:
  Result<void> read_as_the_cli(const SecretBuffer& text, const std::string& path) {
    auto pairs = parse_cli_env_file(text.expose_text(), path);
    if (!pairs) return propagate(pairs);
    for (const EnvironmentPair& pair : *pairs) merged_[pair.key] = pair.value;
    return {};
  }

  Result<void> read_as_dotenv(const SecretBuffer& original, const std::string& path) {
    SecretBuffer decoded = SecretBuffer::copy_of(original.expose_text());
    const auto bindings = parse_dotenv(decoded);
    texts_.push_back(std::move(decoded));
    Bindings last;
    for (const DotenvBinding& binding : bindings) {
      if (binding.key.empty()) {
        found_.skipped.push_back({.path = path, .line = binding.line});
      } else {
        last[binding.key] = &binding;
      }
    }
    compare(last, original.expose_text(), path);
    return options_.expand ? expand(bindings, path) : take(last);
  }

  using Bindings = std::map<std::string_view, const DotenvBinding*>;

  Result<void> take(const Bindings& last) {
    for (const auto& [key, binding] : last) {
      if (binding->value) merged_[key] = *binding->value;
    }
    return {};
  }

  // In the order of the statements: a value can use the variables before it, also a variable that a
  // later statement sets again.
  Result<void> expand(const std::vector<DotenvBinding>& bindings, const std::string& path) {
    std::map<std::string_view, std::optional<std::string_view>> resolved;
    const VariableLookup lookup = [&](std::string_view name) { return known(name, resolved); };
    for (const DotenvBinding& binding : bindings) {
      if (binding.key.empty()) continue;
      if (!binding.value || !has_variables(*binding.value)) {
        resolved[binding.key] = binding.value;
        continue;
      }
      auto value = expand_variables(*binding.value, lookup);
      if (!value) {
        value.error().hint = "shorten it, or read the file without --expand";
        return propagate(value,
                         fmt::format("{}:{}: {}", path, binding.line, printable(binding.key)));
      }
      texts_.push_back(std::move(*value));
      resolved[binding.key] = texts_.back().expose_text();
    }
    for (const auto& [key, value] : resolved) {
      if (value) merged_[key] = *value;
    }
    return {};
  }

  std::optional<std::string_view> known(
      std::string_view name,
      const std::map<std::string_view, std::optional<std::string_view>>& resolved) const {
    const auto from_image = [&] {
      return options_.image ? options_.image(name) : std::optional<std::string_view>();
    };
    if (options_.image_first) {
      if (const auto value = from_image()) return value;
    }
    if (const auto at = resolved.find(name); at != resolved.end()) return at->second.value_or("");
    if (const auto at = merged_.find(name); at != merged_.end()) return at->second;
    return from_image();
  }

  // `secrets set --file` uploads each file on its own and without expansion, so compare them so.
  void compare(const Bindings& last, std::string_view original, const std::string& path) {
    const auto accepted = parse_cli_env_file(original, path);
    if (!accepted && !last.empty()) found_.cli_refusals.push_back(accepted.error().message);
    Values stored;
    for (const EnvironmentPair& pair : accepted ? *accepted : readable_cli_pairs(original)) {
      stored[pair.key] = pair.value;
    }
    const bool is_marked = original.starts_with("\xef\xbb\xbf");
    for (const auto& [key, binding] : last) {
      const auto at = stored.find(key);
      const bool is_stored = at != stored.end();
      if (is_stored ? at->second == binding->value : !binding->value) continue;
      found_.differences.push_back(
          {.path = path,
           .key = printable(key),
           .reason = std::string(reason_of(*binding, is_marked, is_stored))});
    }
  }

  const EnvFileOptions& options_;
  std::deque<SecretBuffer> texts_;  // a deque never moves what it holds
  Values merged_;
  EnvFiles found_;
};

}  // namespace

Result<EnvFiles> read_env_files(const std::vector<std::string>& paths,
                                const EnvFileOptions& options) {
  Reader reader(options);
  for (const std::string& path : paths) {
    if (auto read = reader.read(path); !read) return propagate(read, "env file");
  }
  auto files = reader.finish();
  if (!files) return propagate(files, "env file");
  return files;
}

}  // namespace agent_secrets
