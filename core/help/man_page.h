#pragma once
// A program's manual as mdoc(7), for man(1). `mandoc -T lint` has nothing to say against it.

#include <chrono>
#include <string>

#include "core/help/manual.h"

namespace agent_secrets::help {

// `date` is that of the page.
std::string man_page(const Program& program, std::chrono::sys_days date);

// $SOURCE_DATE_EPOCH (a build that can be repeated byte for byte sets it), else today.
std::chrono::sys_days date_of_page();

}  // namespace agent_secrets::help
