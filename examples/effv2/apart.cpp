#include "apart.hpp"

#include <filesystem>

namespace cli {

namespace {

namespace fs = std::filesystem;

// Whether both names are those of one file that is there, or would be of one that is not.
bool is_one_file(const std::string& a, const std::string& b) {
    if (a.empty() || b.empty()) return false;
    std::error_code ignored;
    if (fs::exists(a, ignored) && !fs::is_regular_file(a, ignored)) return false;
    if (fs::equivalent(a, b, ignored)) return true;
    const auto full = [&](const std::string& name) {
        return fs::weakly_canonical(fs::absolute(name, ignored), ignored);
    };
    return full(a) == full(b);
}

}  // namespace

effv2::Status check_apart(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        for (const std::string& input : inputs)
            if (is_one_file(outputs[i], input))
                return effv2::Error{effv2::ErrorCode::argument,
                                    outputs[i] + ": is read by this command, and would be overwritten"};
        for (std::size_t j = 0; j < i; ++j)
            if (is_one_file(outputs[i], outputs[j]))
                return effv2::Error{effv2::ErrorCode::argument, outputs[i] + ": would be written twice"};
    }
    return std::monostate{};
}

}  // namespace cli
