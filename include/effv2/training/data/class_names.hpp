// The classes of the small sets that everybody trains on first, and lists of names in text files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace effv2::training::data {

// CIFAR-10's classes in the order of its labels (batches.meta.txt).
inline std::vector<std::string> cifar10_names() {
    return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
}

// Fashion-MNIST's classes in the order of its labels (its README).
inline std::vector<std::string> fashion_mnist_names() {
    return {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
}

// MNIST's: the digits.
inline std::vector<std::string> mnist_names() { return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}; }

// One name for each line that is not empty, without the line's end, be it LF or CR LF: what CIFAR-100's
// fine_label_names.txt holds.
inline std::vector<std::string> names_from_lines(std::string_view text) {
    std::vector<std::string> names;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (!line.empty()) names.emplace_back(line);
    }
    return names;
}

}  // namespace effv2::training::data
