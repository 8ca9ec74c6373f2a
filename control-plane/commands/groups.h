#pragma once
// The commands of secret-control-plane, in the order of --help. Each function is in the file of
// this folder that has the commands' options and work. command_line.cc calls all of them.

namespace agent_secrets::control_plane {

class Declarations;

void declare_init(const Declarations& declare);
void declare_serve(const Declarations& declare);
void declare_public_url(const Declarations& declare);
void declare_organization(const Declarations& declare);
void declare_user(const Declarations& declare);  // user, member
void declare_token(const Declarations& declare);
void declare_api_key(const Declarations& declare);
void declare_set(const Declarations& declare);
void declare_image_pull_secret(const Declarations& declare);
void declare_agent(const Declarations& declare);
void declare_fleet(const Declarations& declare);
void declare_credential(const Declarations& declare);
void declare_region(const Declarations& declare);

}  // namespace agent_secrets::control_plane
