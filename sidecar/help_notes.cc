#include "sidecar/help_notes.h"

#include <fmt/format.h>

#include "sidecar/status.h"

namespace agent_secrets::sidecar {
namespace {

std::vector<help::Row> codes_of_states() {
  return {{fmt::to_string(kExitCurrent), "current: the instance runs what is deployed"},
          {fmt::to_string(kExitStale), "stale: a set has a newer version; redeploy the agent"},
          {fmt::to_string(kExitSuperseded), "superseded: a newer deployment exists"},
          {fmt::to_string(kExitUnknown), "unknown (no sidecar runs), revoked or unbound"}};
}

constexpr const char* kPage = "docs/sidecar.md";

}  // namespace

help::Notes notes_of_program() {
  return {.examples = {{"secret-injector --sidecar -- python bot.py",
                        "The injector starts the sidecar beside the bot"},
                       {"secret-sidecar status", "Print whether a redeploy is needed"},
                       {"secret-sidecar wait-change; [ $? -eq 10 ] && ./redeploy",
                        "Wait until one is needed"}},
          .text =
              "The sidecar learns names and versions, never a value, and holds no key that "
              "opens a bundle.\n\n"
              "It writes redeploy.json into the state directory while the state is stale or "
              "superseded, and removes it afterwards.",
          .variables = {{"AGENT_SECRETS_SIDECAR_...",
                         "Each option of run but --ready-fd: --poll-wait is "
                         "AGENT_SECRETS_SIDECAR_POLL_WAIT. The command line wins."},
                        {"AGENT_SECRETS_LOG",
                         "json: log as JSON; text: put the time before each line; "
                         "debug: log more"}},
          .files = {{"/run/agent-secrets/running.json",
                     "What the instance runs; the injector "
                     "writes it"},
                    {"/run/agent-secrets/redeploy.json", "Exists while a redeploy is needed"},
                    {"/run/agent-secrets/sidecar.json", "All that the sidecar knows"}},
          .exit_codes = {{"0", "run: it ended by SIGTERM or SIGINT, or with its bot"},
                         {"10, 11, 12", "status and wait-change: the state; see their help"},
                         {"125", "It failed, or the command line makes no sense"}},
          .reading = {{kPage, "States, files, metrics, on-change, an outage"},
                      {"docs/fleet.md", "How the control plane shows all instances"}}};
}

help::Notes notes_of_run() {
  return {.examples = {{"secret-injector watch-credential > watch.credential",
                        "Make the credential of a sidecar in a container of its own"},
                       {"secret-sidecar run --credential-file watch.credential",
                        "Watch, with a state directory that the bot's container shares"},
                       {"secret-sidecar run --credential-file watch.credential --listen "
                        "127.0.0.1:9100",
                        "Serve the state and metrics too"}},
          .text = "Give exactly one of --credential-file and --credential-fd.",
          .exit_codes = {{"0", "It ended by SIGTERM or SIGINT, or with its bot"},
                         {"125", "It could not start"}},
          .reading = {{kPage, "The variables that --on-change gets; the pages of --listen"}}};
}

help::Notes notes_of_status() {
  return {.examples = {{"secret-sidecar status", "stale: bot-secrets v2→v3 changed: GREETING"},
                       {"secret-sidecar status --json", "The same for programs"}},
          .exit_codes = codes_of_states()};
}

help::Notes notes_of_wait_change() {
  auto codes = codes_of_states();
  codes.push_back({"124", "The time of --timeout is over"});
  codes.push_back({"125", "It failed"});
  return {.examples = {{"secret-sidecar wait-change --timeout 3600",
                        "Wait at most an hour until a redeploy is needed"},
                       {"secret-sidecar wait-change --from stale", "Wait until it is not stale"}},
          .text =
              "Returns at once if the state is already another one: no change between two "
              "calls is missed.",
          .exit_codes = std::move(codes)};
}

}  // namespace agent_secrets::sidecar
