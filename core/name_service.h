#pragma once
// Host names are answered by /etc/hosts and DNS, never by code of the image.
//
// The C library looks in /etc/nsswitch.conf for who resolves host names, and loads a shared library
// for each service named there: into a static program too. This process holds a credential; the
// file and the library are the image's, which may be hostile, or just of another C library, with
// which a loaded module crashes. Since glibc 2.34 `files` and `dns` are built into the C library:
// with these two chosen here, nothing is loaded.
//
// Source: nsswitch.conf(5); <nss.h> and nss/nss_database.c of glibc.

namespace agent_secrets {

// For the whole process. Call it before the first look-up.
void resolve_hosts_without_modules();

}  // namespace agent_secrets
