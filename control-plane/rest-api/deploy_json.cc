#include "control-plane/rest-api/deploy_json.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control-plane/catalog/rules.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

constexpr std::size_t kTextMax = 256;
constexpr std::int64_t kAgentsMax = 10'000;

// Reads members of the body and keeps the first error, so that a parser can read one member after
// the other and check once.
class Members {
 public:
  explicit Members(const json::object& object) : object_(object) {}

  const json::value* find(std::string_view name) const {
    const json::value* found = object_.if_contains({name.data(), name.size()});
    return found == nullptr || found->is_null() ? nullptr : found;
  }

  std::optional<std::string> text(std::string_view name, std::size_t max_size) {
    const json::value* found = find(name);
    if (found == nullptr) return std::nullopt;
    const json::string* string = found->if_string();
    if (string == nullptr || string->size() > max_size) {
      refuse(name, "must be a string of at most " + std::to_string(max_size) + " bytes");
      return std::nullopt;
    }
    std::string value(string->data(), string->size());
    if (!is_showable(value)) {
      refuse(name, "must not contain square brackets, control characters or invisible characters");
    }
    return value;
  }

  std::optional<int> integer(std::string_view name, std::int64_t least, std::int64_t most) {
    const json::value* found = find(name);
    if (found == nullptr) return std::nullopt;
    const std::int64_t* number = found->if_int64();
    if (number == nullptr || *number < least || *number > most) {
      refuse(name,
             "must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
      return std::nullopt;
    }
    return static_cast<int>(*number);
  }

  bool boolean(std::string_view name) {
    const json::value* found = find(name);
    if (found == nullptr) return false;
    if (!found->is_bool()) refuse(name, "must be true or false");
    return found->is_bool() && found->get_bool();
  }

  const json::object* object(std::string_view name) {
    const json::value* found = find(name);
    if (found == nullptr) return nullptr;
    if (!found->is_object()) refuse(name, "must be an object");
    return found->if_object();
  }

  // The member's text, which must be one of `choices`.
  std::optional<std::string> choice(std::string_view name,
                                    std::initializer_list<std::string_view> choices) {
    auto value = text(name, kTextMax);
    if (!value || std::ranges::find(choices, *value) != choices.end()) return value;
    refuse(name, fmt::format("must be {}", fmt::join(choices, " or ")));
    return std::nullopt;
  }

  static std::string quoted(std::string_view text) {
    return json::serialize(json::string_view(text.data(), text.size()));
  }

  void refuse(std::string_view name, std::string_view why) {
    refuse_with("Invalid parameters: " + std::string(name) + " " + std::string(why));
  }
  void refuse_with(std::string sentence) {
    if (!error_) error_ = std::move(sentence);
  }
  [[nodiscard]] const std::optional<std::string>& error() const { return error_; }

 private:
  const json::object& object_;
  std::optional<std::string> error_;
};

Result<void> refuse_unsupported(const Members& members) {
  if (members.find("git") != nullptr) {
    // If it were ignored, the CLI would poll for a build for 20 minutes.
    return fail(ErrorCode::invalid,
                "This control plane does not deploy from a repository. Deploy an image instead.");
  }
  if (members.find("buildId") == nullptr) return {};
  if (members.find("image") != nullptr) {
    return fail(ErrorCode::invalid, "Cannot specify both image and buildId. Use one or the other.");
  }
  return fail(ErrorCode::invalid, "Build not found");
}

void read_image(Members& members, DeployRequest& request) {
  request.image = members.text("image", limits::kImageReferenceMax);
  if (!request.image || members.error()) return;
  if (auto ok = check_image(*request.image); !ok) members.refuse_with(ok.error().message);
}

// The CLI always sends krispViva; {} has no meaning. A null filter disables it.
void read_krisp(Members& members, DeployRequest& request) {
  const json::object* krisp = members.object("krispViva");
  if (krisp == nullptr || !krisp->contains("audioFilter")) return;
  const json::value& filter = krisp->at("audioFilter");
  const bool known =
      filter.is_null() ||
      (filter.is_string() && (filter.get_string() == "tel" || filter.get_string() == "pro"));
  if (!known) return members.refuse("krispViva.audioFilter", "must be tel or pro or null");
  auto& setting = request.settings["krispViva"];
  if (!filter.is_null()) setting = json::serialize(json::object{{"audioFilter", filter}});
}

void read_resources(Members& members, DeployRequest& request) {
  if (const auto profile = members.text("agentProfile", kTextMax)) {
    request.settings["agentProfile"] = Members::quoted(*profile);
  }
  const json::object* resources = members.object("resources");
  if (resources == nullptr) return;
  if (members.find("agentProfile") != nullptr) {
    return members.refuse("resources", "and agentProfile exclude each other");
  }
  json::object kept;
  for (const char* name : {"cpu", "memory"}) {
    const json::value* value = resources->if_contains(name);
    if (value == nullptr) continue;
    const json::string* text = value->if_string();
    const bool small_text =
        text != nullptr && text->size() <= kTextMax && is_showable({text->data(), text->size()});
    if (!small_text && !value->is_number()) {
      return members.refuse("resources", "must have cpu and memory as short strings or numbers");
    }
    kept[name] = *value;
  }
  request.settings["resources"] = json::serialize(kept);
}

void read_settings(Members& members, DeployRequest& request) {
  read_krisp(members, request);
  read_resources(members, request);
  const auto keep = [&](const char* name, std::initializer_list<std::string_view> choices) {
    if (const auto text = members.choice(name, choices)) {
      request.settings[name] = Members::quoted(*text);
    }
  };
  keep("architecture", {"amd64", "arm64"});
  keep("nodeType", {"arm"});
  keep("websocketAuth", {"none", "token"});
  if (const auto version = members.choice("secretVersion", {"pinned", "latest"})) {
    request.secret_version = *version == "latest" ? SecretVersion::latest : SecretVersion::pinned;
  }
  if (const auto seconds = members.integer("maxSessionDuration", 60, 14'400)) {
    request.settings["maxSessionDuration"] = std::to_string(*seconds);
  }
}

void read_scaling(Members& members, DeployRequest& request) {
  const json::object* scaling = members.object("autoScaling");
  if (scaling == nullptr) return;
  Members numbers(*scaling);
  request.min_agents = numbers.integer("minAgents", 0, kAgentsMax);
  request.max_agents = numbers.integer("maxAgents", 1, kAgentsMax);
  if (numbers.error()) members.refuse("autoScaling", "must have integers from 0 to 10000");
}

}  // namespace

Result<DeployRequest> parse_deploy(std::string_view body, std::string_view agent_in_path) {
  boost::system::error_code error;
  const json::value parsed = json::parse({body.data(), body.size()}, error);
  if (error || !parsed.is_object()) {
    return fail(ErrorCode::invalid, "The request body must be a JSON object");
  }
  Members members(parsed.get_object());
  auto supported = refuse_unsupported(members);
  if (!supported) return propagate(supported);

  DeployRequest request;
  request.agent = agent_in_path.empty() ? members.text("serviceName", kTextMax).value_or("")
                                        : std::string(agent_in_path);
  request.region = members.text("region", kTextMax);
  request.secret_set = members.text("secretSet", kTextMax);
  request.image_pull_secret_set = members.text("imagePullSecretSet", kTextMax);
  request.force = members.boolean("forceRedeploy");
  read_image(members, request);
  read_scaling(members, request);
  read_settings(members, request);
  if (members.error()) return fail(ErrorCode::invalid, *members.error());
  if (request.agent.empty()) return fail(ErrorCode::invalid, "serviceName is required");
  return request;
}

}  // namespace agent_secrets::control_plane
