#include "injector/dotenv_names.h"

#include "tests/catch.h"

using namespace agent_secrets;
using Strings = std::vector<std::string>;

TEST_CASE("a key is found in every form that python-dotenv accepts") {
  for (const char* text :
       {"KEY=v", "KEY=", "  KEY = v", "export KEY=v", "export\tKEY='v'", "'KEY'=v", "A=1\nKEY=v\n",
        "A=1\r\nKEY=v\r\n", "A=1\rKEY=v", "KEY=a=b"}) {
    INFO(text);
    CHECK(keys_set_by_dotenv(text, {"KEY"}) == Strings{"KEY"});
  }
}

TEST_CASE("a line that does not set the key is ignored") {
  for (const char* text : {"", "\n", "#KEY=v", "# KEY=v", "KEY", "KEY2=v", "A=KEY=v", "exportKEY=v",
                           "export=v", "key=v"}) {
    INFO(text);
    CHECK(keys_set_by_dotenv(text, {"KEY"}).empty());
  }
}

TEST_CASE("each given key is returned once, and no other key") {
  CHECK(keys_set_by_dotenv("B=1\nOTHER=x\nA=1\nB=2\n", {"A", "B", "C"}) == Strings{"B", "A"});
  CHECK(keys_set_by_dotenv("'=x\n''=y\n", {"A"}).empty());
}
