// What the command line of effv2 train says. Numbers that it leaves out stay negative, texts empty: train_settings.cpp
// knows what they are then.
#pragma once

#include <string>

#include "options.hpp"

namespace cli {

struct TrainOptions {
    // Pictures.
    std::string data, test, broken = "stop";
    int reduce = -1;
    // Network.
    std::string variant, architecture, from, scheme;
    int freeze = -1;
    bool freeze_norms = false, freeze_stem = false, whiten = false;
    // The run.
    std::string output;
    bool resume = false, measure = false;
    double epochs = -1.0;
    int steps = -1, batch = -1, seed = 0, threads = 0;
    std::string keep = "maps";
    int evaluate_every = 1;
    double checkpoint_every = 600.0;
    // Progressive stages.
    std::string preset = "own";
    int size = -1, start_size = -1, stages = -1, test_size = -1;
    // How pictures are varied.
    std::string policy, crop;
    double magnitude = -1.0, start_magnitude = -1.0, mixup = -1.0, cutmix = -1.0, cutout = -1.0, erasing = -1.0;
    bool no_mirror = false;
    // Regularisation.
    double dropout = -1.0, start_dropout = -1.0, stochastic_depth = -1.0, smoothing = -1.0;
    // Optimiser.
    std::string optimiser, schedule;
    double learning_rate = -1.0, beta_rate = -1.0, warmup = -1.0, weight_decay = -1.0, clip = -1.0, average = -1.0;
};

// All options of effv2 train.
void add_train_options(Options& options, TrainOptions& train);

// Those that say which pictures, and how they are read.
void add_pictures(Options& options, TrainOptions& train);

// Those of a step's batch, threads and memory, and of the seed.
void add_step(Options& options, TrainOptions& train);

// Those of stages, variation, regularisation and optimiser: how a network is trained, whatever network it is.
void add_schooling(Options& options, TrainOptions& train);

}  // namespace cli
