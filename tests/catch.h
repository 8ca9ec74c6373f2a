#pragma once
// The one include through which tests see Catch2: version 2 on Debian bookworm, version 3 on
// trixie.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
