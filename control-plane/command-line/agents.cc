// agent, fleet.

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

void declare_fleet(Declarations& declare) {
  const auto fleet = declare.command<FleetOptions>(
      declare.program(), "fleet", "Print the instances of agents, and what each runs",
      {.examples = {{"secret-control-plane fleet", "All instances of all agents"},
                    {"secret-control-plane fleet my-bot --forget host-3",
                     "Stop counting an instance that you know to be gone"}},
       .reading = {{"docs/fleet.md", "The states of an instance, and when it stops counting"}}});
  CLI::Option* agent =
      fleet.app->add_option("agent", fleet.options->agent, "only this agent's instances");
  fleet.app->add_option("--region", fleet.options->region, "only instances in this region")
      ->type_name("CODE");
  add_json(fleet);
  fleet.app
      ->add_option("--forget", fleet.options->forget,
                   "forget this instance of AGENT, which you know to be gone")
      ->type_name("INSTANCE")
      ->allow_extra_args(false)
      ->needs(agent);
  add_organization(fleet);
}

}  // namespace

void declare_agents(Declarations& declare) {
  declare_agent(declare);
  declare_fleet(declare);
}

}  // namespace agent_secrets::control_plane
