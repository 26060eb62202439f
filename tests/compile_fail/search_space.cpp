// error: effv2: a stage's expansion must be 1 to 8
#include "effv2/architecture/variants.hpp"
#include "effv2/search/space_check.hpp"

using namespace effv2;

#ifdef SOUND
constexpr search::CommonChoices choices{.expansions = {1, 4, 6}};
#else
constexpr search::CommonChoices choices{.expansions = {1, 4, 9}};
#endif

static_assert(search::is_sound_space<search::make_space(variants::b0, choices)>);
