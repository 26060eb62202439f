// How a subcommand declares its options. Behind it is CLI11, which takes a compiler seconds for every file that
// includes it; here, one file does.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace cli {

enum class Need { optional, required };

// What an option is called, what stands for its value in the help, and what the help says of it.
struct Option {
    const char* name;
    const char* value_name;
    const char* help;
    Need need = Need::optional;
};

// A weight file, and what the command line says of it that the file may not: its scheme, or nothing.
struct WeightsFile {
    std::string path, scheme;
};

// The options of one subcommand. Values are written to the given variables, which must live until the command line is
// parsed; those of options that it leaves out stay as they are. A value out of range ends the program with a sentence.
class Options {
public:
    explicit Options(CLI::App& app) : app_(app) {}

    // The heading under which the help shows the options that follow.
    void group(const char* name) { group_ = name; }

    void flag(const char* name, bool& value, const char* help);
    void text(const Option& option, std::string& value);
    void texts(const Option& option, std::vector<std::string>& values);
    void choice(const Option& option, std::string& value, const std::vector<std::string>& choices);
    void number(const Option& option, int& value, int lowest, int highest);
    void number(const Option& option, double& value, double lowest, double highest);

    // Options that several subcommands have.
    void variant(std::string& value, Need need);
    void expected_variant(std::string& value);
    void network(std::string& variant, std::string& architecture);
    void size(int& value);
    void classes(int& value);
    void padding(std::string& value);
    void threads(int& value);
    void weights(WeightsFile& file, Need need);
    void scheme(std::string& value);

private:
    CLI::App& app_;
    const char* group_ = "Options";
};

}  // namespace cli
