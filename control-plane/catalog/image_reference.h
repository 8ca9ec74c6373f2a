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
// A reference never begins with '-' and holds nothing that a shell takes for more than text, so it
// can be no option and no command of the deploy command that it is handed to. One form is left out:
// a registry that is an IPv6 address, because the official CLI takes square brackets for markup.
//
// Threads: no state.

#include <string_view>

namespace agent_secrets::control_plane {

bool is_image_reference(std::string_view text);

// The registry of an image pull secret: [http[s]://]host[:port][/path], as docker login takes it.
// The host may be an IPv6 address in square brackets here, and may have '_'.
bool is_registry_host(std::string_view text);

}  // namespace agent_secrets::control_plane
