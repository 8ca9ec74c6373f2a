#pragma once
// The groups of commands of secret-control-plane. Each function is in the file of this folder that
// has the options and the work of the group's commands.

#include <array>
#include <string_view>

namespace agent_secrets::control_plane {

class Declarations;

void declare_init(const Declarations& declare);
void declare_serve(const Declarations& declare);
void declare_healthcheck(const Declarations& declare);
void declare_move(const Declarations& declare);
void declare_backup(const Declarations& declare);
void declare_restore(const Declarations& declare);
void declare_public_url(const Declarations& declare);
void declare_organization(const Declarations& declare);
void declare_user(const Declarations& declare);
void declare_member(const Declarations& declare);
void declare_token(const Declarations& declare);
void declare_api_key(const Declarations& declare);
void declare_set(const Declarations& declare);
void declare_image_pull_secret(const Declarations& declare);
void declare_agent(const Declarations& declare);
void declare_fleet(const Declarations& declare);
void declare_deploy_command(const Declarations& declare);
void declare_credential(const Declarations& declare);
void declare_doctor(const Declarations& declare);
void declare_region(const Declarations& declare);
void declare_audit(const Declarations& declare);
void declare_authority(const Declarations& declare);
void declare_rotate(const Declarations& declare);

// A group of commands, or one command, and the first word of its command lines.
struct Group {
  std::string_view word;
  void (*declare)(const Declarations&);
};

// In the order of --help.
inline constexpr std::array kGroups = {Group{"init", declare_init},
                                       Group{"serve", declare_serve},
                                       Group{"healthcheck", declare_healthcheck},
                                       Group{"move", declare_move},
                                       Group{"backup", declare_backup},
                                       Group{"restore", declare_restore},
                                       Group{"public-url", declare_public_url},
                                       Group{"organization", declare_organization},
                                       Group{"user", declare_user},
                                       Group{"member", declare_member},
                                       Group{"token", declare_token},
                                       Group{"api-key", declare_api_key},
                                       Group{"set", declare_set},
                                       Group{"image-pull-secret", declare_image_pull_secret},
                                       Group{"agent", declare_agent},
                                       Group{"fleet", declare_fleet},
                                       Group{"deploy-command", declare_deploy_command},
                                       Group{"credential", declare_credential},
                                       Group{"region", declare_region},
                                       Group{"audit", declare_audit},
                                       Group{"authority", declare_authority},
                                       Group{"rotate", declare_rotate},
                                       Group{"doctor", declare_doctor}};

}  // namespace agent_secrets::control_plane
