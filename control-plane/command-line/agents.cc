// agent, fleet.

#include <algorithm>
#include <cstdint>
#include <map>

#include "control-plane/command-line/declarations.h"

namespace agent_secrets::control_plane {
namespace {

void declare_agent(Declarations& declare) {
  CLI::App* group =
      declare.group("agent", "Print what is recorded of an agent",
                    {.examples = {{"secret-control-plane agent events my-bot",
                                   "Print its deployments, and the output of the deploy command"},
                                  {"secret-control-plane agent deploy-name my-bot",
                                   "Print the name to give its target on your platform"}},
                     .reading = {{"docs/OPERATIONS.md", "On deploy"}}});

  const auto events = declare.command<AgentEventsOptions>(
      group, "events", "Print an agent's deployments, and the output of the deploy command");
  events.app->add_option("agent", events.options->agent, "the agent")->required();
  add_json(events);
  add_organization(events);

  const auto name = declare.command<AgentDeployNameOptions>(
      group, "deploy-name",
      "Print the target's name in a deploy command: AGENT_SECRETS_DEPLOY_NAME");
  name.app->add_option("agent", name.options->agent, "the agent; it may be deployed later")
      ->required();
  add_organization(name);
}

// `--forget` takes either INSTANCE or --older-than. Without INSTANCE, CLI11 leaves an empty name,
// or none. `given` is how often the option was there.
void check_forget(const FleetOptions& options, std::size_t given) {
  const auto is_empty = [](const std::string& instance) { return instance.empty(); };
  const bool names_all =
      options.forget.size() == given && std::ranges::none_of(options.forget, is_empty);
  const bool names_none = std::ranges::all_of(options.forget, is_empty);
  if (options.older_than_s > 0 ? names_none : names_all) return;
  throw CLI::ValidationError("--forget", "takes an INSTANCE, or else --older-than DURATION");
}

void add_forget(const Declarations::Declared<FleetOptions>& fleet, CLI::Option* agent) {
  constexpr std::uint64_t kDay = 86'400;
  CLI::Option* forget = fleet.app
                            ->add_option("--forget", fleet.options->forget,
                                         "forget this instance of AGENT, which you know to be "
                                         "gone (repeatable)")
                            ->type_name("INSTANCE")
                            ->expected(0, 1)
                            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
                            ->allow_extra_args(false)
                            ->needs(agent);
  const std::map<std::string, std::uint64_t> units{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", kDay}};
  fleet.app
      ->add_option("--older-than", fleet.options->older_than_s,
                   "with --forget and no INSTANCE: forget every instance of AGENT that was not "
                   "heard of for so long, such as 1d; an instance with a live sidecar is kept")
      ->transform(
          CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_SENSITIVE).description(""))
      ->check(CLI::Range(std::uint64_t{1}, 3650 * kDay).description(""))
      ->type_name("DURATION")
      ->needs(forget);
  fleet.app->parse_complete_callback(
      [options = fleet.options, forget] { check_forget(*options, forget->count()); });
}

void declare_fleet(Declarations& declare) {
  const auto fleet = declare.command<FleetOptions>(
      declare.program(), "fleet", "Print the instances of agents, and what each runs",
      {.examples = {{"secret-control-plane fleet", "All instances of all agents"},
                    {"secret-control-plane fleet my-bot --forget host-3",
                     "Stop counting an instance that you know to be gone"},
                    {"secret-control-plane fleet my-bot --forget --older-than 1d",
                     "Stop counting every instance that was not heard of for a day"}},
       .reading = {{"docs/fleet.md", "The states of an instance, and when it stops counting"}}});
  CLI::Option* agent =
      fleet.app->add_option("agent", fleet.options->agent, "only this agent's instances");
  fleet.app->add_option("--region", fleet.options->region, "only instances in this region")
      ->type_name("CODE");
  add_json(fleet);
  add_forget(fleet, agent);
  add_organization(fleet);
}

}  // namespace

void declare_agents(Declarations& declare) {
  declare_agent(declare);
  declare_fleet(declare);
}

}  // namespace agent_secrets::control_plane
