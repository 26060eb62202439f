#include "options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>

#include "effv2/architecture/variants.hpp"
#include "effv2/weights/scheme.hpp"

namespace cli {

namespace {

void describe(const Option& option, const char* group, CLI::Option* declared) {
    declared->group(group);
    declared->option_text(option.value_name);
    declared->required(option.need == Need::required);
}

// CLI11 takes nan to be in every range.
std::string refuse_nan(const std::string& text) {
    std::string lower = text;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return lower.find("nan") == std::string::npos ? "" : text + " is not a number";
}

// ... a zero in front to mean octal, and 0x hexadecimal: here, whole numbers are decimal.
std::string strip_zeros(std::string text) {
    const std::size_t sign = text.starts_with("-") || text.starts_with("+") ? 1 : 0;
    if (text.find_first_not_of("0123456789", sign) != std::string::npos) return text;
    const std::size_t digit = text.find_first_not_of('0', sign);
    if (digit != std::string::npos && digit > sign) text.erase(sign, digit - sign);
    if (digit == std::string::npos && text.size() > sign + 1) text.erase(sign + 1);
    return text;
}
std::string refuse_letters(const std::string& text) {
    const bool whole = text.find_first_not_of("0123456789", text.find_first_of("+-") == 0 ? 1 : 0) == std::string::npos;
    return whole ? "" : text + " is not a whole number";
}

constexpr const char* variant_help = "b0, b1, b2, b3, s, m, l or xl";

std::vector<std::string> variant_names() {
    std::vector<std::string> names;
    for (const effv2::NamedVariant& known : effv2::named_variants) names.emplace_back(known.name);
    return names;
}

}  // namespace

void Options::flag(const char* name, bool& value, const char* help) { app_.add_flag(name, value, help)->group(group_); }

void Options::text(const Option& option, std::string& value) {
    describe(option, group_, app_.add_option(option.name, value, option.help));
}

void Options::texts(const Option& option, std::vector<std::string>& values) {
    describe(option, group_, app_.add_option(option.name, values, option.help));
}

void Options::choice(const Option& option, std::string& value, const std::vector<std::string>& choices) {
    describe(option, group_, app_.add_option(option.name, value, option.help)->check(CLI::IsMember(choices)));
}

void Options::number(const Option& option, int& value, int lowest, int highest) {
    CLI::Option* const number = app_.add_option(option.name, value, option.help);
    number->transform(strip_zeros)->check(refuse_letters)->check(CLI::Range(lowest, highest));
    describe(option, group_, number);
}

void Options::number(const Option& option, double& value, double lowest, double highest) {
    describe(option, group_,
             app_.add_option(option.name, value, option.help)->check(refuse_nan)->check(CLI::Range(lowest, highest)));
}

void Options::variant(std::string& value, Need need) {
    choice({"--variant", "V", variant_help, need}, value, variant_names());
}

void Options::expected_variant(std::string& value) {
    choice({"--variant", "V", "refuse weights of any other variant"}, value, variant_names());
}

void Options::network(std::string& variant, std::string& architecture) {
    this->variant(variant, Need::optional);
    text({"--architecture", "TEXT", "an architecture of one's own, such as \"b0; classes 10; size 64\""}, architecture);
}

void Options::size(int& value) {
    number({"--size", "N", "height and width of the input (default: the variant's)"}, value, 8, 8192);
}

void Options::classes(int& value) {
    number({"--classes", "N", "number of classes (default: 1000)"}, value, 1, 1000000);
}

void Options::padding(std::string& value) {
    choice({"--padding", "P", "same or symmetric (default: what the names or the file's metadata mean)"}, value,
           {"same", "symmetric"});
}

void Options::threads(int& value) {
    number({"--threads", "N", "threads to use (default: the cores that the process may use)"}, value, 1, 1024);
}

void Options::weights(WeightsFile& file, Need need) {
    text({"--weights", "F", "the weights, a .safetensors file", need}, file.path);
    scheme(file.scheme);
}

void Options::scheme(std::string& value) {
    std::vector<std::string> names;
    for (const effv2::Scheme& known : effv2::named_schemes) names.emplace_back(known.name);
    choice({"--scheme", "SCHEME", "the weights' source (default: what their metadata or the tensors' names mean)"},
           value, names);
}

}  // namespace cli
