// region.

#include "control-plane/command-line/declarations.h"

namespace agent_secrets::control_plane {

void declare_regions(Declarations& declare) {
  CLI::App* group = declare.group(
      "region", "Manage regions, where sets are stored and agents run",
      {.examples = {{"secret-control-plane region add eu-central --display-name \"EU (Frankfurt)\"",
                     "Make a region; restart serve afterwards"},
                    {"secret-control-plane region list", "Print all regions"}},
       .reading = {{"docs/OPERATIONS.md", "Regions"}}});

  const auto add = declare.command<RegionAddOptions>(
      group, "add", "Make a region with its own keys and store; serve offers it after a restart");
  add.app->add_option("code", add.options->code, "such as eu-central; it cannot be changed")
      ->required();
  add.app
      ->add_option("--display-name", add.options->display_name,
                   "the name that people see; without it, the code")
      ->type_name("TEXT");

  const auto rename = declare.command<RegionRenameOptions>(
      group, "rename", "Change the display name of a region; its code stays");
  rename.app->add_option("code", rename.options->code, "the region")->required();
  rename.app->add_option("display-name", rename.options->display_name, "the name that people see")
      ->required();

  const auto remove = declare.command<RegionRemoveOptions>(
      group, "remove", "Remove a region without agents and sets; its store and its keys stay");
  remove.app->add_option("code", remove.options->code, "the region")->required();

  add_json(declare.command<RegionListOptions>(group, "list", "Print all regions"));
}

}  // namespace agent_secrets::control_plane
