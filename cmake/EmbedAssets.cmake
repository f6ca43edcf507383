# hearth_embed_assets(TARGET FOLDER FUNCTION): a library with the files that FOLDER/manifest.txt lists (one relative path a line),
# as std::span<const hearth::server::EmbeddedFile> hearth::server::FUNCTION().
# The same file is the build-time script that compresses them and writes the source.

if(NOT CMAKE_SCRIPT_MODE_FILE)
  function(hearth_embed_assets target folder function)
    if(NOT EXISTS "${folder}/manifest.txt")
      message(FATAL_ERROR "The page is not built: ${folder}/manifest.txt is missing. Run 'npm ci && npm run build' in web/ "
                          "(./dev does), or set HEARTH_WEB_DIST to a folder that has it.")
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${folder}/manifest.txt")
    file(STRINGS "${folder}/manifest.txt" names)
    list(TRANSFORM names PREPEND "${folder}/" OUTPUT_VARIABLE files)
    set(out "${CMAKE_CURRENT_BINARY_DIR}/${target}")
    add_custom_command(
      OUTPUT "${out}/embedded.cpp"
      COMMAND "${CMAKE_COMMAND}" "-DFOLDER=${folder}" "-DOUT=${out}" "-DFUNCTION=${function}" -P "${CMAKE_CURRENT_FUNCTION_LIST_FILE}"
      DEPENDS "${folder}/manifest.txt" ${files} "${CMAKE_CURRENT_FUNCTION_LIST_FILE}"
      COMMENT "Embedding the page of ${folder}" VERBATIM)
    add_library(${target} STATIC "${out}/embedded.cpp")
    target_link_libraries(${target} PRIVATE hearth_options)
  endfunction()
  return()
endif()

# --- at build time
find_program(GZIP gzip REQUIRED)
file(MAKE_DIRECTORY "${OUT}")
file(STRINGS "${FOLDER}/manifest.txt" names)
set(data "")
set(table "")
set(index 0)
foreach(name IN LISTS names)
  set(source "${FOLDER}/${name}")
  set(packed "${OUT}/${index}.gz")
  execute_process(COMMAND "${GZIP}" -9nc "${source}" OUTPUT_FILE "${packed}" COMMAND_ERROR_IS_FATAL ANY)
  file(SIZE "${source}" size)
  file(SIZE "${packed}" packed_size)
  if(packed_size LESS size)
    set(packed_view "view(hearth_${FUNCTION}_${index}_gz, hearth_${FUNCTION}_${index}_gz_end)")
  else()
    set(packed_view "{}")
  endif()
  file(SHA256 "${source}" hash)
  string(SUBSTRING "${hash}" 0 32 hash)
  foreach(part "${index}|${source}" "${index}_gz|${packed}")
    string(REPLACE "|" ";" part "${part}")
    list(GET part 0 symbol)
    list(GET part 1 file)
    set(symbol "hearth_${FUNCTION}_${symbol}")
    string(APPEND data "extern \"C\" const char ${symbol}[];\nextern \"C\" const char ${symbol}_end[];\n"
      "asm(\".section .rodata\\n.balign 16\\n.global ${symbol}\\n${symbol}:\\n.incbin \\\"${file}\\\"\\n\"\n"
      "    \".global ${symbol}_end\\n${symbol}_end:\\n.byte 0\\n.previous\\n\");\n")
  endforeach()
  string(APPEND table "    {\"${name}\", view(hearth_${FUNCTION}_${index}, hearth_${FUNCTION}_${index}_end), ${packed_view}, \"${hash}\"},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUT}/embedded.cpp"
"// Written by cmake/EmbedAssets.cmake.
#include \"server/net/assets.h\"

${data}
namespace hearth::server {
namespace {

std::string_view view(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

}  // namespace

std::span<const EmbeddedFile> ${FUNCTION}() {
  static const EmbeddedFile files[] = {
${table}  };
  return files;
}

}  // namespace hearth::server
")
