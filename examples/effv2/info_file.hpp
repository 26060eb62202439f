// What a weight file says of itself, for effv2 info.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "effv2/weights/identify.hpp"
#include "options.hpp"

namespace cli {

struct FileFacts {
    std::string path;
    std::size_t tensors = 0;
    std::uint64_t bytes = 0;  // of the tensors
    std::string types;        // theirs, "F16, F32"
    effv2::Identity identity;
};

// Fails where the file is no sound weight file, or of a network that nothing names.
effv2::Result<FileFacts> read_facts(const WeightsFile& weights);

void print_facts(const FileFacts& facts);

nlohmann::ordered_json as_json(const FileFacts& facts);

}  // namespace cli
