# Makes CMake build with packaging/static's compiler and root for one architecture, which the variable
# AGENT_SECRETS_STATIC_ARCHITECTURE names (of CMake, or of the environment).
if(NOT AGENT_SECRETS_STATIC_ARCHITECTURE)
  set(AGENT_SECRETS_STATIC_ARCHITECTURE $ENV{AGENT_SECRETS_STATIC_ARCHITECTURE})
endif()
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES AGENT_SECRETS_STATIC_ARCHITECTURE)

set(static_triplet_amd64 x86_64-linux-gnu)
set(static_triplet_arm64 aarch64-linux-gnu)
set(static_triplet ${static_triplet_${AGENT_SECRETS_STATIC_ARCHITECTURE}})
string(REGEX REPLACE "-.*" "" static_processor ${static_triplet})
cmake_path(SET static_home NORMALIZE
  ${CMAKE_CURRENT_LIST_DIR}/../../build/static/${AGENT_SECRETS_STATIC_ARCHITECTURE})

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${static_processor})
set(CMAKE_LIBRARY_ARCHITECTURE ${static_triplet})
set(CMAKE_C_COMPILER ${static_home}/bin/release-cc)
set(CMAKE_CXX_COMPILER ${static_home}/bin/release-c++)
foreach(tool ar ranlib strip)
  string(TOUPPER CMAKE_${tool} variable)
  set(${variable} /usr/bin/${static_triplet}-${tool})
endforeach()

set(CMAKE_FIND_ROOT_PATH ${static_home}/root)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${static_home}/root/usr/lib/${static_triplet}/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${static_home}/root)
