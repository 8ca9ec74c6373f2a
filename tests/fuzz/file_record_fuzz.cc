// files.json: a start writes it, the sidecar and a later start read it, and anybody who may write
// to the state directory may have put another there. What is accepted can be written and read
// again, and names absolute paths. Parser: core/file_record.cc
#include "core/file_record.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto record = parse_record(fuzz::text(data, size));
  if (!record) {
    AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(record.error()));
    return 0;
  }
  AGENT_SECRETS_ASSERT(record->bot > 0);
  for (const RecordedFile& file : record->files) AGENT_SECRETS_ASSERT(file.path.starts_with('/'));
  const auto again = parse_record(record_json(*record));
  AGENT_SECRETS_ASSERT(again && *again == *record);
  return 0;
}
