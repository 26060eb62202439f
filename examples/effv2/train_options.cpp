#include "train_options.hpp"

namespace cli {

namespace {

void add_data(Options& options, TrainOptions& train) {
    options.group("Pictures");
    add_pictures(options, train);
    options.text({"--test", "PATH", "pictures to evaluate on, in place of PATH's own test part"}, train.test);
}

void add_network(Options& options, TrainOptions& train) {
    options.group("Network");
    options.choice({"--variant", "V", "b0, b1, b2, b3, s, m, l or xl (default: b0, or what WEIGHTS hold)"},
                   train.variant, {"b0", "b1", "b2", "b3", "s", "m", "l", "xl"});
    options.text({"--architecture", "TEXT", "an architecture of one's own, as a line of text"}, train.architecture);
    options.text({"--from", "WEIGHTS", "go on from these weights; a new classifier where the classes are others"},
                 train.from);
    options.scheme(train.scheme);
    options.number({"--freeze", "BLOCKS", "leave stem and the first BLOCKS blocks as they are (default: 0)"},
                   train.freeze, 0, 100000);
    options.flag("--freeze-norms", train.freeze_norms,
                 "normalise by the statistics of WEIGHTS, and leave them as they are");
    options.flag("--freeze-stem", train.freeze_stem, "leave the stem's weights as they are");
    options.flag("--whiten", train.whiten, "make the stem's first weights from the pictures' principal directions");
}

void add_run(Options& options, TrainOptions& train) {
    options.group("Run");
    options.text({"--output", "FOLDER", "where weights, checkpoint, log and plots go"}, train.output);
    options.flag("--resume", train.resume, "go on where the run in FOLDER was ended");
    options.number({"--epochs", "N", "passes over the pictures, also a fraction (default: 20; presets: 350)"},
                   train.epochs, 0.0, 1e6);
    options.number({"--steps", "N", "batches, in place of epochs"}, train.steps, 1, 2000000000);
    add_step(options, train);
    options.number({"--evaluate-every", "N", "epochs from evaluation to evaluation; 0: at the end only (default: 1)"},
                   train.evaluate_every, 0, 1000000);
    options.number({"--checkpoint-every", "SECONDS", "time from checkpoint to checkpoint (default: 600)"},
                   train.checkpoint_every, 0.0, 1e9);
    options.flag("--measure", train.measure, "train nothing: measure the speed of each stage, and of its parts");
}

constexpr const char* stages_group = "Progressive stages, from the --start values of the first to those of the last";

void add_preset(Options& options, TrainOptions& train) {
    options.group(stages_group);
    options.choice({"--preset", "P", "paper, automl or own: where defaults are from (default: own)"}, train.preset,
                   {"paper", "automl", "own"});
    options.number({"--test-size", "N", "pixels a side in evaluations and in use (default: --size)"}, train.test_size,
                   8, 8192);
}

void add_stages(Options& options, TrainOptions& train) {
    options.group(stages_group);
    options.number({"--stages", "N", "how many (default: 4; effv2 search: 1)"}, train.stages, 1, 16);
    options.number({"--size", "N", "pixels a side (default: by the pictures and the network)"}, train.size, 8, 8192);
    options.number({"--start-size", "N", "pixels a side (default: two thirds of --size; presets: as published)"},
                   train.start_size, 8, 8192);
    options.number({"--magnitude", "M", "of RandAugment, 0 to 100 (default: 10; presets: as published)"},
                   train.magnitude, 0.0, 100.0);
    options.number({"--start-magnitude", "M", "(default: half of --magnitude; presets: as published)"},
                   train.start_magnitude, 0.0, 100.0);
    options.number({"--mixup", "ALPHA", "from 0 in the first stage; 0: none (default)"}, train.mixup, 0.0, 100.0);
    options.number({"--cutmix", "ALPHA", "from 0 in the first stage; 0: none (default)"}, train.cutmix, 0.0, 100.0);
    options.number({"--dropout", "P", "in front of the classifier (default: 0.2)"}, train.dropout, 0.0, 0.99);
    options.number({"--start-dropout", "P", "(default: half of --dropout; presets: as published)"}, train.start_dropout,
                   0.0, 0.99);
}

void add_variation(Options& options, TrainOptions& train) {
    options.group("Variation and regularisation");
    options.choice({"--policy", "P", "none, randaug or autoaugment (default: randaug)"}, train.policy,
                   {"none", "randaug", "autoaugment"});
    options.choice({"--crop", "C",
                    "shift, window, inception, automl or none (default: shift for pictures up to 64 pixels, "
                    "else inception)"},
                   train.crop, {"shift", "window", "inception", "automl", "none"});
    options.flag("--no-mirror", train.no_mirror, "do not mirror pictures (the default for digits)");
    options.number({"--cutout", "SHARE", "a grey square of that share of the side, 0 to 2 (default: 0)"}, train.cutout,
                   0.0, 2.0);
    options.number({"--erasing", "P", "erase a random part with that probability (default: 0)"}, train.erasing, 0.0,
                   1.0);
    options.number(
        {"--stochastic-depth", "P", "block i of n, from 0, is left out with probability P * i / n (default: 0.2)"},
        train.stochastic_depth, 0.0, 0.99);
    options.number({"--smoothing", "S", "of labels (default: 0.1)"}, train.smoothing, 0.0, 0.99);
}

void add_optimiser(Options& options, TrainOptions& train) {
    options.group("Optimiser");
    options.choice({"--optimiser", "O", "rmsprop, sgd or adamw (default: adamw; presets: rmsprop)"}, train.optimiser,
                   {"rmsprop", "sgd", "adamw"});
    options.number({"--learning-rate", "R", "its peak (default: by optimiser and batch)"}, train.learning_rate, 0.0,
                   1e6);
    options.number({"--beta-rate", "TIMES", "the learning rate for the shifts of batch norm (default: 1)"},
                   train.beta_rate, 0.0, 1e4);
    options.choice({"--schedule", "S", "constant, staircase or cosine (default: cosine; presets: staircase)"},
                   train.schedule, {"constant", "staircase", "cosine"});
    options.number({"--warmup", "EPOCHS", "until the peak is reached (default: a twentieth of the run; presets: 5)"},
                   train.warmup, 0.0, 1e6);
    options.number({"--weight-decay", "D", "(default: by optimiser)"}, train.weight_decay, 0.0, 1e3);
    options.number({"--clip", "NORM", "the largest norm of all gradients; 0: any (default: 5; presets: 0)"}, train.clip,
                   0.0, 1e9);
    options.number({"--average", "DECAY", "of the weights' moving average; 0: none (default: 0.999; presets: 0.9999)"},
                   train.average, 0.0, 0.9999999);
}

}  // namespace

void add_train_options(Options& options, TrainOptions& train) {
    add_data(options, train);
    add_network(options, train);
    add_run(options, train);
    add_preset(options, train);
    add_schooling(options, train);
}

void add_pictures(Options& options, TrainOptions& train) {
    options.text({"--data", "PATH", "a folder with a folder for each class, or with the files of MNIST or CIFAR",
                  Need::required},
                 train.data);
    options.choice({"--broken", "WHAT", "stop or skip: files that are no pictures (default: stop)"}, train.broken,
                   {"stop", "skip"});
    options.number({"--reduce", "N",
                    "reduce pictures whose shorter side is longer than N pixels as they are read; 0: none (default: "
                    "twice the largest size)"},
                   train.reduce, 0, 1 << 24);
}

void add_step(Options& options, TrainOptions& train) {
    options.number({"--batch", "N", "pictures a step (default: 64)"}, train.batch, 1, 65536);
    options.number({"--seed", "N", "of all that is drawn by chance (default: 0)"}, train.seed, 0, 2147483647);
    options.threads(train.threads);
    options.choice({"--keep", "WHAT", "maps, or inputs of blocks only: less memory, slower steps"}, train.keep,
                   {"maps", "inputs"});
}

void add_schooling(Options& options, TrainOptions& train) {
    add_stages(options, train);
    add_variation(options, train);
    add_optimiser(options, train);
}

}  // namespace cli
