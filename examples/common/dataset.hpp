// Labelled pictures from the disk, as training and evaluation take them: folders of picture files, IDX files (MNIST,
// Fashion-MNIST), the binary versions of CIFAR-10 and CIFAR-100.
#pragma once

#include <string>
#include <vector>

#include "effv2/error.hpp"
#include "effv2/parallel/executor.hpp"
#include "effv2/training/data/pictures.hpp"

namespace examples {

// What becomes of a file that should be a picture and is none.
enum class Broken {
    stop,  // the set cannot be loaded
    skip,  // it is named on stderr and left out
};

struct DatasetOptions {
    Broken broken = Broken::stop;
    int largest_side = 0;  // picture files whose shorter side is longer are reduced to it, antialiased; 0: none are
};

// Pictures to train on.
struct TrainingSet {
    effv2::training::data::Pictures pictures;
    bool has_test = false;  // whether load_test_set() finds a test part at the same path
    bool mirrors = true;    // false for digits, which mean something else, or nothing, in a mirror
};

// Loads the training part of what `path` holds:
//
//   a folder with files like train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-..., each also as .gz
//   a folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin (CIFAR-10), or train.bin and test.bin
//     (CIFAR-100)
//   a folder with the sub-folders train and test (or val, or validation), each with a folder for each class
//   a folder with a folder for each class: it has no test part
//
// Classes of folders are sorted by name; so are pictures within a class, which may lie in folders of their own. Files
// and folders whose names begin with a dot are passed over, and so are READMEs, licences, Thumbs.db, desktop.ini and
// files that end in .txt, .md, .csv, .tsv, .json, .xml, .html or .url. All else in a class's folder must be a picture.
//
// Fails with one sentence that names file or folder, where something cannot be read, is broken or is missing.
effv2::Result<TrainingSet> load_training_set(const std::string& path, const DatasetOptions& options,
                                             effv2::Executor& executor);

// Whether a file or folder lies in a data set of folders, or is it: there it would be a class or a picture.
bool is_within_classes(const std::string& path, const std::string& data);

// Pictures to judge a network by: the test part, or the whole of a folder of classes, which has none. IDX files, whose
// labels are numbers, give them the names `classes`; Fashion-MNIST's must be those, or numbers.
effv2::Result<effv2::training::data::Pictures> load_test_set(const std::string& path,
                                                             const std::vector<std::string>& classes,
                                                             const DatasetOptions& options, effv2::Executor& executor);

}  // namespace examples
