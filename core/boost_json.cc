// The implementation of Boost.JSON, compiled here and nowhere else (it is a header-only build of
// the library; boost/json/src.hpp says so).
#include <boost/json/src.hpp>
