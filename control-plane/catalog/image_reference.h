#pragma once
// Whether a text is an image reference, by the grammar that Docker, containerd and Kubernetes share
// (github.com/distribution/reference):
//
//   reference := [registry "/"] repository [":" tag] ["@" digest]
//   registry  := host [":" port]              letters of either case, digits, '-', '.'
//   repository:= component ("/" component)*   lower-case letters and digits, separated by one '.',
//                                             one or two '_', or any number of '-'
//   tag       := a letter, digit or '_', then up to 127 of those, '.' and '-'
//   digest    := algorithm ":" 32 or more hexadecimal digits
//
// A reference never begins with '-' and has no character that a shell interprets, so a deploy
// command that receives it cannot mistake it for an option or for shell code. One form of the
// grammar is refused: a registry that is an IPv6 address, because the official CLI interprets
// square brackets as markup.
//
// Threads: no state.

#include <string_view>

namespace agent_secrets::control_plane {

bool is_image_reference(std::string_view text);

// Whether a text is the registry of an image pull secret: [http[s]://]host[:port][/path], as docker
// login accepts it. Unlike in an image reference, the host may be an IPv6 address in square
// brackets, and may have '_'.
bool is_registry_host(std::string_view text);

}  // namespace agent_secrets::control_plane
