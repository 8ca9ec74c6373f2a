# embed_migrations(TARGET NAME FOLDER) compiles the numbered scripts FOLDER/sqlite/NNNN_name.sql and
# FOLDER/postgres/NNNN_name.sql into TARGET as
#   const Migrations& NAME();
# (control-plane/database/migrations.h). Generated in the build directory when CMake configures; a
# changed or added file makes it configure again.
function(embed_migrations target name folder)
  set(rows_sqlite "")
  set(rows_postgres "")
  foreach(database sqlite postgres)
    file(GLOB scripts CONFIGURE_DEPENDS
      ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/${database}/[0-9][0-9][0-9][0-9]_*.sql)
    list(SORT scripts)
    foreach(script ${scripts})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${script})
      get_filename_component(label ${script} NAME_WE)
      file(READ ${script} text)
      string(APPEND rows_${database} "          {\"${label}\", R\"sql(${text})sql\"},\n")
    endforeach()
  endforeach()
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  file(CONFIGURE OUTPUT ${generated} @ONLY CONTENT [[
#include "control-plane/database/migrations.h"

namespace agent_secrets::control_plane {

const Migrations& @name@() {
  static const Migrations migrations{
      .sqlite = {
@rows_sqlite@      },
      .postgres = {
@rows_postgres@      },
  };
  return migrations;
}

}  // namespace agent_secrets::control_plane
]])
  target_sources(${target} PRIVATE ${generated})
endfunction()

# embed_text(TARGET NAME FILE) compiles a text file into TARGET as std::string_view NAME(), likewise.
function(embed_text target name file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  file(READ ${file} text)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  file(CONFIGURE OUTPUT ${generated} @ONLY CONTENT [[
#include <string_view>

namespace agent_secrets::control_plane {

std::string_view @name@() { return R"text(@text@)text"; }

}  // namespace agent_secrets::control_plane
]])
  target_sources(${target} PRIVATE ${generated})
endfunction()
