#pragma once
// Host names are resolved by /etc/hosts and DNS, never by code of the image.
//
// The C library reads /etc/nsswitch.conf to find the services that resolve host names, and loads a
// shared library for each, even into a static program. This process has a credential. The file and
// the libraries belong to the image: they may be hostile, or made for another C library, and then a
// loaded module crashes. Since glibc 2.34 `files` and `dns` are built into the C library: with only
// these two chosen here, no library is loaded.
//
// Source: nsswitch.conf(5); <nss.h> and nss/nss_database.c of glibc.

namespace agent_secrets {

// For the whole process. Call it before the first look-up.
void resolve_hosts_without_modules();

}  // namespace agent_secrets
