#include "effv2/training/data/cifar.hpp"

#include <doctest/doctest.h>

#include "effv2/training/data/class_names.hpp"

using namespace effv2;
using namespace effv2::training::data;

namespace {

// Two records with these labels; byte i of a record's planes is a hash of i and the record.
std::vector<std::uint8_t> records(const std::vector<std::vector<std::uint8_t>>& labels) {
    std::vector<std::uint8_t> bytes;
    for (std::size_t record = 0; record < labels.size(); ++record) {
        bytes.insert(bytes.end(), labels[record].begin(), labels[record].end());
        for (std::size_t i = 0; i < 3072; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 7 + i / 256 + record));
    }
    return bytes;
}

}  // namespace

TEST_CASE("planes become pixels") {
    Pictures set("CIFAR-10", cifar10_names());
    const std::vector<std::uint8_t> bytes = records({{3}, {9}});
    REQUIRE(add_cifar10(set, bytes, "data_batch_1.bin"));
    REQUIRE(set.size() == 2);
    CHECK(set.label(0) == 3);
    CHECK(set.label(1) == 9);
    for (std::size_t i = 0; i < 2; ++i)
        for (int y = 0; y < 32; ++y)
            for (int x = 0; x < 32; ++x)
                for (int c = 0; c < 3; ++c)
                    REQUIRE(set.picture(i).row(y)[3 * x + c] ==
                            bytes[i * 3073 + 1 + static_cast<std::size_t>(1024 * c + 32 * y + x)]);
}

TEST_CASE("CIFAR-100 has two labels, of which the fine one is the class unless asked otherwise") {
    const std::vector<std::uint8_t> bytes = records({{19, 99}, {4, 50}});
    Pictures fine("fine", std::vector<std::string>(100)), coarse("coarse", std::vector<std::string>(20));
    REQUIRE(add_cifar100(fine, bytes, "train.bin"));
    REQUIRE(add_cifar100(coarse, bytes, "train.bin", CifarLabel::coarse));
    CHECK(fine.label(0) == 99);
    CHECK(fine.label(1) == 50);
    CHECK(coarse.label(0) == 19);
    CHECK(coarse.picture(1).data[0] == bytes[3074 + 2]);
}

TEST_CASE("files that are not whole records, and labels without a class, are refused") {
    Pictures set("CIFAR-10", cifar10_names());
    std::vector<std::uint8_t> bytes = records({{3}, {10}});
    CHECK(add_cifar10(set, bytes, "a.bin").error().message ==
          "a.bin: record 1 has the label 10, and there are 10 classes");
    bytes.pop_back();
    CHECK(add_cifar10(set, bytes, "a.bin").error().message ==
          "a.bin: records of 3073 bytes make no file of 6145 bytes");
    CHECK(add_cifar10(set, {}, "a.bin").error().message == "a.bin: records of 3073 bytes make no file of 0 bytes");
    CHECK(add_cifar100(set, records({{3}}), "b.bin").error().message ==
          "b.bin: records of 3074 bytes make no file of 3073 bytes");
    CHECK(set.size() == 0);
}
