#pragma once
// The groups of commands of secret-control-plane. Each function is in the file of this folder that
// has the options and the work of the group's commands.

#include <array>

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

// In the order of --help.
inline constexpr std::array kGroups = {declare_init,
                                       declare_serve,
                                       declare_healthcheck,
                                       declare_move,
                                       declare_backup,
                                       declare_restore,
                                       declare_public_url,
                                       declare_organization,
                                       declare_user,
                                       declare_member,
                                       declare_token,
                                       declare_api_key,
                                       declare_set,
                                       declare_image_pull_secret,
                                       declare_agent,
                                       declare_fleet,
                                       declare_deploy_command,
                                       declare_credential,
                                       declare_region,
                                       declare_audit,
                                       declare_authority,
                                       declare_rotate,
                                       declare_doctor};

}  // namespace agent_secrets::control_plane
