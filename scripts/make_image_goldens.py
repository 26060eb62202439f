#!/usr/bin/env python3
"""Writes tests/image/goldens.hpp and tests/examples/decode_goldens.hpp: what Pillow and torchvision make of pictures.

Needs Debian's python3-pil and python3-torchvision (Pillow 9.4, torchvision 0.14); run with /usr/bin/python3. The tests
themselves need no Python: source pictures are the formula of tests/image/pictures.hpp, results are hashes and a few
values.
"""
import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import torchvision.transforms.functional as tv
from PIL import Image
from torchvision import models
from torchvision.transforms import InterpolationMode

TESTS = Path(__file__).resolve().parent.parent / "tests"
F32 = np.float32
MASK = (1 << 64) - 1
IMAGENET = ((.485, .456, .406), (.229, .224, .225))
HALF = ((.5,) * 3, (.5,) * 3)


# ---- made-up pictures (pictures.hpp) and hashes

def picture(seed, width, height, channels, binary=False):
    """Byte i is the top byte of splitmix64 at counter seed * 2^32 + i; or, if binary, 0 or 255."""
    counter = np.arange(width * height * channels, dtype=np.uint64) + np.uint64((seed << 32) + 1)
    z = counter * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    values = ((z ^ (z >> np.uint64(31))) >> np.uint64(56)).astype(np.uint8)
    if binary:
        values = (values >> 7) * np.uint8(255)
    return values.reshape(height, width, channels)


def pil(pixels):
    """As a Pillow picture: grey stays grey, alpha goes."""
    return Image.fromarray(pixels[..., 0]) if pixels.shape[2] == 1 else Image.fromarray(pixels).convert("RGB")


def fnv(values):
    """FNV-1a with 64 bits, one step for each unsigned integer."""
    state = 0xCBF29CE484222325
    for value in values.reshape(-1).tolist():
        state = ((state ^ value) * 0x100000001B3) & MASK
    return f"0x{state:016x}"


# ---- resizing

RESIZES = [  # width, height, channels, output width, output height, bicubic, binary
    (1, 1, 3, 5, 4, 0, 0), (1, 1, 1, 1, 1, 1, 0), (2, 3, 3, 7, 11, 1, 0), (7, 11, 3, 2, 3, 1, 0),
    (16, 16, 3, 16, 16, 1, 0), (33, 17, 3, 33, 40, 1, 1), (33, 17, 3, 40, 17, 0, 1), (100, 75, 3, 64, 48, 0, 0),
    (100, 75, 3, 64, 48, 1, 1), (100, 75, 1, 65, 47, 1, 0), (100, 75, 4, 31, 97, 1, 0), (101, 203, 3, 224, 224, 0, 0),
    (101, 203, 3, 224, 224, 1, 1),
    (500, 333, 3, 97, 64, 1, 1), (500, 333, 1, 1, 1, 0, 0), (1, 500, 3, 30, 40, 1, 1), (500, 1, 3, 40, 30, 0, 1),
    (2000, 7, 3, 70, 3, 1, 0), (3000, 40, 4, 1500, 21, 0, 0), (20, 30000, 3, 300, 50, 1, 1)]


def resize_lines():
    for seed, (width, height, channels, out_width, out_height, bicubic, binary) in enumerate(RESIZES):
        source = pil(picture(seed, width, height, channels, binary))
        out = np.asarray(source.resize((out_width, out_height), Image.BICUBIC if bicubic else Image.BILINEAR))
        out = out.reshape(out_height, out_width, -1)
        middle = np.broadcast_to(out[out_height // 2, out_width // 2], 3)
        yield (f"    {{{seed}, {width}, {height}, {channels}, {out_width}, {out_height}, "
               f"Filter::{'bicubic' if bicubic else 'bilinear'}, {'true' if binary else 'false'}, {fnv(out)}, "
               f"{{{', '.join(map(str, middle))}}}}},")


# ---- recipes

SOURCES = [(640, 427, 3), (300, 451, 4), (40, 31, 1)]  # width, height, channels


def timm(size, fraction, squash, mean_std):
    scale = int(size / fraction)

    def transform(image):
        image = tv.resize(image, [scale, scale] if squash else [scale], InterpolationMode.BICUBIC)
        return tv.normalize(tv.to_tensor(tv.center_crop(image, [size])), *mean_std)
    return transform


def torchvision(name):
    return getattr(models, f"EfficientNet_V2_{name}_Weights").IMAGENET1K_V1.transforms()


BASE = {"b0": timm(224, .875, False, IMAGENET), "b1": timm(240, .882, False, IMAGENET),
        "b2": timm(260, .890, False, IMAGENET)}
LARGE = {"s": timm(384, 1.0, False, HALF), "m": timm(480, 1.0, True, HALF), "l": timm(480, 1.0, True, HALF)}
XL = {"xl": timm(512, 1.0, True, HALF)}
RECIPES = {"timm.in1k": {**BASE, "b3": timm(300, .904, False, IMAGENET), **LARGE},
           "timm.in21k": {"b3": timm(300, .904, False, HALF), **LARGE, **XL},
           "timm.in21k_ft_in1k": {"b3": timm(300, .9, True, HALF), **LARGE, **XL},
           "torchvision": {v.lower(): torchvision(v) for v in "SML"}}


def recipe_lines():
    for source, variants in RECIPES.items():
        for variant, transform in variants.items():
            hashes = []
            for seed, (width, height, channels) in enumerate(SOURCES):
                out = transform(pil(picture(seed, width, height, channels)).convert("RGB")).numpy()
                hashes.append(fnv(out.view(np.uint32)))
            middle = ", ".join(f"{v:.9g}F" for v in out[:, out.shape[1] // 2, out.shape[2] // 2])
            yield f'    {{"{source}", "{variant}", {{{", ".join(hashes)}}},\n     {{{middle}}}}},'


# ---- automl: TensorFlow's kernels in float64, but for the places of the samples, which are floats there

def bilinear_axis(inputs, outputs):
    matrix = np.zeros((outputs, inputs))
    scale = F32(inputs) / F32(outputs)
    for i in range(outputs):
        place = (F32(i) + F32(.5)) * scale - F32(.5)
        part = place - np.floor(place)
        matrix[i, max(int(np.floor(place)), 0)] += 1 - part
        matrix[i, min(int(np.ceil(place)), inputs - 1)] += part
    return matrix


def bicubic_axis(inputs, outputs):
    a = -.75
    matrix = np.zeros((outputs, inputs))
    scale = F32(inputs) / F32(outputs)
    for i in range(outputs):
        place = F32(i) * scale
        below = int(np.floor(place))
        part = float(np.rint((place - F32(below)) * F32(1024))) / 1024
        for k, x in enumerate((part + 1, part, 1 - part, 2 - part)):
            near = ((a + 2) * x - (a + 3)) * x * x + 1
            weight = near if k in (1, 2) else ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
            matrix[i, min(max(below - 1 + k, 0), inputs - 1)] += weight
    return matrix


def automl(size, legacy, pixels):
    height, width = pixels.shape[:2]
    if legacy:
        kept = int(F32(size / (size + 32)) * F32(min(height, width)))
        y, x = (height - kept + 1) // 2, (width - kept + 1) // 2
        pixels = pixels[y:y + kept, x:x + kept]
    axis = bicubic_axis if legacy else bilinear_axis
    down, across = axis(pixels.shape[0], size), axis(pixels.shape[1], size)
    out = np.einsum("iy,yxc,jx->cij", down, pixels.astype(np.float64), across, optimize=True)
    mean, std = (np.array(values, F32)[:, None, None] for values in IMAGENET)
    return (out / 255 - mean) / std if legacy else (out - 128) / 128


SAMPLES = 8


def automl_lines():
    for variant, size in {"b0": 224, "b1": 240, "b2": 260, "b3": 300, "s": 384, "m": 480, "l": 480, "xl": 512}.items():
        for seed, (width, height, channels) in enumerate(SOURCES):
            pixels = np.asarray(pil(picture(seed, width, height, channels)).convert("RGB"))
            out = automl(size, variant[0] == "b", pixels).reshape(-1)
            values = ", ".join(f"{out[k * out.size // SAMPLES + 7 * k]:.7g}" for k in range(SAMPLES))
            yield f'    {{"{variant}", {seed}, {{{values}}}}},'


GOLDENS = """\
// Written by scripts/make_image_goldens.py: what Pillow {pillow} and torchvision make of the pictures of pictures.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "effv2/image/filter.hpp"

namespace effv2::goldens {{

struct Resize {{
    std::uint64_t seed;
    int width, height, channels, out_width, out_height;
    Filter filter;
    bool binary;
    std::uint64_t hash;
    std::array<int, 3> middle;
}};

// Image.resize.
// clang-format off
inline constexpr Resize resizes[] = {{
{resizes}
}};
// clang-format on

// The source pictures of what follows, by seed: width, height, channels.
inline constexpr std::array<std::array<int, 3>, {count}> sources = {{{{{sources}}}}};

struct Preprocessed {{
    std::string_view source, variant;
    std::array<std::uint64_t, {count}> hashes;  // of the floats' bits, for each picture
    std::array<float, 3> middle;          // of the last picture
}};

// timm's evaluation transforms and torchvision's presets.
// clang-format off
inline constexpr Preprocessed preprocessed[] = {{
{recipes}
}};
// clang-format on

struct Automl {{
    std::string_view variant;
    std::uint64_t seed;
    std::array<double, {samples}> values;  // of flat index k * size / {samples} + 7 * k
}};

// automl's evaluation.
// clang-format off
inline constexpr Automl automl[] = {{
{automl}
}};
// clang-format on

}}  // namespace effv2::goldens
"""


# ---- files

def saved(image, format_name, **options):
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, kind, rows, extra=b"", interlaced=0):
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows, 9)) +
            chunk(b"IEND", b""))


def noise_rows(seed, height, row_bytes):
    """Rows of noise, each behind a byte that names one of PNG's five filters."""
    noise = picture(seed, row_bytes, height, 1)
    return b"".join(bytes([y % 5]) + noise[y, :, 0].tobytes() for y in range(height))


def adam7_rows(seed, width, height, bits):
    starts = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    sizes = [((width - x + dx - 1) // dx, (height - y + dy - 1) // dy) for x, y, dx, dy in starts]
    return b"".join(noise_rows(seed + i, h, (w * bits + 7) // 8) for i, (w, h) in enumerate(sizes) if w and h)


def files():
    colour = pil(picture(1, 5, 3, 3)).resize((19, 11), Image.BICUBIC)
    turned = Image.Exif()
    turned[0x0112] = 6
    yield "jpeg_420", saved(colour, "JPEG", quality=80)
    yield "jpeg_progressive_444", saved(colour, "JPEG", quality=60, subsampling=0, progressive=True)
    yield "jpeg_turned_by_exif", saved(colour, "JPEG", quality=50, exif=turned)
    yield "jpeg_grey", saved(colour.convert("L"), "JPEG")
    yield "jpeg_cmyk", saved(Image.fromarray(picture(2, 3, 4, 4), "CMYK").resize((9, 8)), "JPEG", quality=70)
    yield "jpeg_1x1", saved(colour.crop((0, 0, 1, 1)), "JPEG")
    yield "png_grey_1", png(13, 4, 1, 0, noise_rows(3, 4, 2))
    yield "png_grey_2", png(6, 3, 2, 0, noise_rows(4, 3, 2))
    yield "png_grey_8_transparent", png(5, 3, 8, 0, noise_rows(5, 3, 5), chunk(b"tRNS", b"\0\7"))
    yield "png_grey_alpha_16", png(3, 3, 16, 4, noise_rows(6, 3, 12))
    yield "png_rgb_16", png(3, 5, 16, 2, noise_rows(7, 5, 18))
    yield "png_rgba_interlaced", png(9, 10, 8, 6, adam7_rows(8, 9, 10, 32), b"", 1)
    palette = chunk(b"PLTE", picture(9, 12, 1, 3).tobytes()) + chunk(b"tRNS", bytes(range(12)))
    yield "png_palette_4_interlaced", png(11, 9, 4, 3, adam7_rows(20, 11, 9, 4), palette, 1)
    yield "png_20000x3", png(20000, 3, 8, 0, b"".join(bytes([2]) + bytes([y * 40]) * 20000 for y in range(3)))
    yield "webp_lossy", saved(colour, "WEBP", quality=70)
    yield "webp_lossless_alpha", saved(Image.fromarray(picture(10, 6, 5, 4)), "WEBP", lossless=True, exact=True)


def literal(data):
    """A string literal of hexadecimal digits, over several lines."""
    text = data.hex()
    return "\n".join(f'     "{text[i:i + 108]}"' for i in range(0, len(text), 108))


def file_line(name, pixels, data):
    height, width = pixels.shape[:2]
    last = ", ".join(map(str, pixels[-1, -1]))
    return f'    {{"{name}", {width}, {height}, {fnv(pixels)}, {{{last}}},\n{literal(data)}}},'


def file_lines():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in files():
            pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
            yield file_line(name, pixels, data)
    # Pillow clips 16-bit greys at 255; the examples keep the upper byte, so this one is not Pillow's.
    grey = picture(11, 3, 2, 2)
    pixels = np.repeat(grey[..., :1], 3, axis=2)
    data = png(3, 2, 16, 0, b"".join(b"\0" + row.tobytes() for row in grey))
    yield file_line("png_grey_16", pixels, data)


def refused_lines():
    still = pil(picture(12, 4, 4, 3))
    yield "animated_webp", saved(still, "WEBP", save_all=True, append_images=[still.rotate(90)], duration=100)
    yield "huge_png", png(100000, 100000, 8, 2, b"")
    yield "png_without_rows", png(5, 5, 8, 2, b"")
    yield "png_without_palette", png(4, 1, 8, 3, b"\0\0\1\0\1")


FILES = """\
// Written by scripts/make_image_goldens.py: small files, and what Pillow {pillow} decodes them to.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace examples::goldens {{

struct File {{
    std::string_view name;
    int width, height;
    std::uint64_t hash;
    std::array<int, 3> last;   // the bottom right pixel
    std::string_view content;  // hexadecimal
}};

// Image.open(file).convert("RGB"), but for png_grey_16, of which the upper bytes are kept.
// clang-format off
inline constexpr File files[] = {{
{files}
}};

// No pictures.
{refused}
// clang-format on

}}  // namespace examples::goldens
"""


def main():
    refused = "\n".join(f"inline constexpr std::string_view {name} =\n{literal(data)};"
                        for name, data in refused_lines())
    (TESTS / "image" / "goldens.hpp").write_text(GOLDENS.format(
        pillow=Image.__version__, resizes="\n".join(resize_lines()), recipes="\n".join(recipe_lines()),
        automl="\n".join(automl_lines()), count=len(SOURCES), samples=SAMPLES,
        sources=", ".join(f"{{{w}, {h}, {c}}}" for w, h, c in SOURCES)))
    (TESTS / "examples" / "decode_goldens.hpp").write_text(FILES.format(
        pillow=Image.__version__, files="\n".join(file_lines()), refused=refused))


if __name__ == "__main__":
    main()
