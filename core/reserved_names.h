#pragma once
// Names of environment variables that a secret set should not give to a bot, each with its class
// and its reason. The control plane and the injector call the same functions, so a set that the
// control plane accepts does not make every start fail. docs/reserved-names.md shows the list.
//
// takes_over: the variable decides which code runs, which certificates TLS trusts, or where keys
// are written. The control plane refuses it in a set unless the organization allows the name, and
// the injector refuses to start the bot with it unless --allow names it.
//
// of_image: the image or the platform usually sets the variable (PORT, HOME, ENV). The set's value
// is used; a deploy and `secret-injector check` name it.
//
// The list prevents accidents. It is not a sandbox: a user who writes a set controls its agents
// (docs/THREAT_MODEL.md).

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agent_secrets {

enum class ReservedClass { takes_over, of_image };

struct ReservedName {
  std::string_view pattern;  // a name; with '*' at its end, every name with this prefix
  ReservedClass kind = ReservedClass::takes_over;
  std::string_view reason;  // continues "it …": "loads code into every program"
};

// The whole list, sorted by pattern.
std::span<const ReservedName> reserved_names();

// The entry for a name, or nullptr. A name's own entry counts before a prefix, a longer prefix
// before a shorter one. Names are case-sensitive, as they are in an environment.
const ReservedName* find_reserved(std::string_view name);

// Of `names`, in their order, those that may not be in a set or in a bot's environment unless
// `allowed` names them.
std::vector<std::string> refused_names(const std::vector<std::string>& names,
                                       const std::vector<std::string>& allowed);

// Of `names`, in their order, those that the image or the platform usually sets, without `known`.
std::vector<std::string> image_names(const std::vector<std::string>& names,
                                     const std::vector<std::string>& known);

// "LD_PRELOAD (loads code into every program), IFS (…)": at most twenty names, then the number of
// further names. Each name must have an entry.
std::string with_reasons(const std::vector<std::string>& names);

}  // namespace agent_secrets
