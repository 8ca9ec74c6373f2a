# embed_page(TARGET FOLDER) compiles the files of the web page in FOLDER into TARGET, plain and compressed, as
# page_files() of control-plane/web/page.h. Run as a script, it writes the source for the files of FOLDER to OUTPUT.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  function(embed_page target folder)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${folder}/*.html ${folder}/*.css ${folder}/*.js ${folder}/*.svg ${folder}/LICENSE)
    set(generated ${CMAKE_CURRENT_BINARY_DIR}/page_files.cc)
    set(script ${PROJECT_SOURCE_DIR}/cmake/embed_page.cmake)
    add_custom_command(OUTPUT ${generated} DEPENDS ${files} ${script} VERBATIM
      COMMAND ${CMAKE_COMMAND} -D FOLDER=${folder} -D OUTPUT=${generated} "-D FILES=${files}" -P ${script})
    target_sources(${target} PRIVATE ${generated})
  endfunction()
  return()
endif()

# The bytes of FILE as the numbers of a C++ array.
function(read_bytes variable file)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  set(${variable} "${bytes}" PARENT_SCOPE)
endfunction()

set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
  cmake_path(RELATIVE_PATH file BASE_DIRECTORY ${FOLDER} OUTPUT_VARIABLE path)
  execute_process(COMMAND gzip -9 --no-name --stdout ${file} OUTPUT_FILE ${OUTPUT}.gz COMMAND_ERROR_IS_FATAL ANY)
  read_bytes(plain ${file})
  read_bytes(gzip ${OUTPUT}.gz)
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 32 tag)
  string(APPEND arrays "constexpr unsigned char kPlain${number}[] = {${plain}};\n")
  string(APPEND arrays "constexpr unsigned char kGzip${number}[] = {${gzip}};\n")
  string(APPEND rows "      {\"${path}\", \"${tag}\", text(kPlain${number}), text(kGzip${number})},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(REMOVE ${OUTPUT}.gz)
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
#include "control-plane/web/page.h"

namespace agent_secrets::control_plane {
namespace {

@arrays@
template <std::size_t size>
std::string_view text(const unsigned char (&bytes)[size]) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::span<const PageFile> page_files() {
  static const PageFile files[] = {
@rows@  };
  return files;
}

}  // namespace agent_secrets::control_plane
]])
