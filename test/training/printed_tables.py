# Copyright 2026 fer_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The layers of the ten networks as the papers print them, row by row.

Each table is a list of rows: name, layer and kernel, output shape without the batch (height,
width, channels, as Keras prints it; `*` marks what the paper does not print), parameters as Keras
counts them, and the rows it takes its input from (the row above where there is none).
Rows whose shape or count is an obvious copy of another row stand here as they must be, with the
printed value in a comment. Dropout, flatten and softmax have no parameters and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    name: str
    layer: str
    shape: tuple[int, ...]
    parameters: int
    inputs: tuple[str, ...]


def rows(text: str) -> tuple[Row, ...]:
    """Read a table: `name | layer | shape | parameters | inputs`, inputs optional."""
    made: list[Row] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, layer, shape, count, *inputs = (part.strip() for part in line.split("|"))
        given = tuple(inputs[0].split()) if inputs else ()
        before = (made[-1].name,) if made else ("input",)
        size = tuple(map(int, shape.split()))
        made.append(Row(name, layer, size, int(count.replace(",", "")), given or before))
    return tuple(made)


_TRUNK = """
conv2d | conv 3x3 | 48 48 8 | 72
batch_normalization | norm | 48 48 8 | 32
activation | relu | 48 48 8 | 0
conv2d_1 | conv 3x3 | 48 48 8 | 576
batch_normalization_1 | norm | 48 48 8 | 32
activation_1 | relu | 48 48 8 | 0
conv2d_2 | conv 3x3 | 48 48 16 | 1,152
batch_normalization_2 | norm | 48 48 16 | 64
activation_2 | relu | 48 48 16 | 0
conv2d_3 | conv 3x3 | 48 48 16 | 2,304
batch_normalization_3 | norm | 48 48 16 | 64
max_pooling2d | pool 2x2 | 24 24 16 | 0
activation_3 | relu | 24 24 16 | 0
separable_conv2d | separable 3x3 | 24 24 32 | 656 | activation_3
batch_normalization_6 | norm | 24 24 32 | 128 | separable_conv2d
activation_4 | relu | 24 24 32 | 0 | batch_normalization_6
separable_conv2d_1 | separable 3x3 | 24 24 32 | 1,312 | activation_4
conv2d_4 | conv 1x1 | 24 24 16 | 256 | activation_3
batch_normalization_7 | norm | 24 24 32 | 128 | separable_conv2d_1
batch_normalization_4 | norm | 24 24 16 | 64 | conv2d_4
max_pooling2d_1 | pool 2x2 | 12 12 32 | 0 | batch_normalization_7
conv2d_5 | conv 1x1 | 12 12 32 | 512 | batch_normalization_4
activation_5 | relu | 12 12 32 | 0 | max_pooling2d_1
batch_normalization_5 | norm | 12 12 32 | 128 | conv2d_5
add | add | 12 12 32 | 0 | activation_5 batch_normalization_5
activation_6 | relu | 12 12 32 | 0
conv2d_6 | conv 3x3 | 12 12 64 | 18,496
batch_normalization_8 | norm | 12 12 64 | 256
activation_7 | relu | 12 12 64 | 0
conv2d_7 | conv 3x3 | 12 12 64 | 36,928
batch_normalization_9 | norm | 12 12 64 | 256
max_pooling2d_2 | pool 2x2 | 6 6 64 | 0
activation_8 | relu | 6 6 64 | 0
conv2d_8 | conv 3x3 | 6 6 128 | 73,856
batch_normalization_10 | norm | 6 6 128 | 512
activation_9 | relu | 6 6 128 | 0
conv2d_9 | conv 3x3 | 6 6 128 | 147,584
batch_normalization_11 | norm | 6 6 128 | 512
activation_10 | relu | 6 6 128 | 0
"""
"""Tables 1 and 2 of Chowanda 2021; the first convolution as table 2 prints it, for table 1's own
row has run into the next one."""

# Tables 3 and 4 print 48x48x8 and 32 for every batch norm, and 12x12x32 for the later poolings.
_CHAIN = """
conv2d | conv 3x3 | 48 48 8 | 72
batch_normalization | norm | 48 48 8 | 32
activation | relu | 48 48 8 | 0
conv2d_1 | conv 3x3 | 48 48 8 | 576
batch_normalization_1 | norm | 48 48 8 | 32
activation_1 | relu | 48 48 8 | 0
conv2d_2 | conv 3x3 | 48 48 16 | 1,152
batch_normalization_2 | norm | 48 48 16 | 64
activation_2 | relu | 48 48 16 | 0
conv2d_3 | conv 3x3 | 48 48 16 | 2,304
batch_normalization_3 | norm | 48 48 16 | 64
activation_3 | relu | 48 48 16 | 0
conv2d_4 | conv 3x3 | 48 48 16 | 2,304
batch_normalization_4 | norm | 48 48 16 | 64
max_pooling2d | pool 2x2 | 24 24 16 | 0
activation_4 | relu | 24 24 16 | 0
conv2d_5 | conv 3x3 | 24 24 32 | 4,608
batch_normalization_5 | norm | 24 24 32 | 128
activation_5 | relu | 24 24 32 | 0
conv2d_6 | conv 3x3 | 24 24 32 | 9,216
batch_normalization_6 | norm | 24 24 32 | 128
max_pooling2d_1 | pool 2x2 | 12 12 32 | 0
activation_6 | relu | 12 12 32 | 0
conv2d_7 | conv 3x3 | 12 12 64 | 18,432
batch_normalization_7 | norm | 12 12 64 | 256
activation_7 | relu | 12 12 64 | 0
conv2d_8 | conv 3x3 | 12 12 64 | 36,864
batch_normalization_8 | norm | 12 12 64 | 256
max_pooling2d_2 | pool 2x2 | 6 6 64 | 0
activation_8 | relu | 6 6 64 | 0
conv2d_9 | conv 3x3 | 6 6 128 | 73,728
batch_normalization_9 | norm | 6 6 128 | 512
activation_9 | relu | 6 6 128 | 0
conv2d_10 | conv 3x3 | 6 6 128 | 147,456
batch_normalization_10 | norm | 6 6 128 | 512
activation_10 | relu | 6 6 128 | 0
"""
"""Tables 3 and 4 of Chowanda 2021."""

_DENSE = """
max_pooling2d_3 | pool 2x2 | 3 3 128 | 0
dense | dense | 512 | 590,336
dense_activation | relu | 512 | 0
dense_1 | dense | 512 | 262,656
dense_1_activation | relu | 512 | 0
prediction | dense | 7 | 3,591
"""
"""The end of tables 2 and 4; Keras's dense rows hold their activation, and table 4 prints its
last row as a second dense_1 of 512."""

ARCH1 = rows(
    _TRUNK
    + """
conv2d_10 | conv 3x3 | 6 6 7 | 8,071
global_average_pooling2d | mean | 7 | 0
"""
)
ARCH2 = rows(_TRUNK + _DENSE)
ARCH3 = rows(
    _CHAIN
    + """
conv2d_11 | conv 3x3 | 6 6 7 | 8,071
global_average_pooling2d | mean | 7 | 0
"""
)
ARCH4 = rows(_CHAIN + _DENSE)

# Table 1 of Umer et al. 2022; block 4 prints 96 channels beside 128. Relu after a convolution and
# between dense layers is no row of its own there.
CNN1 = rows(
    """
conv_1 | conv 3x3 | 96 96 32 | 896
relu_1 | relu | 96 96 32 | 0
pool_1 | pool 2x2 | 48 48 32 | 0
norm_1 | norm | 48 48 32 | 128
conv_2 | conv 3x3 | 48 48 64 | 18,496
relu_2 | relu | 48 48 64 | 0
pool_2 | pool 2x2 | 24 24 64 | 0
norm_2 | norm | 24 24 64 | 256
conv_3 | conv 3x3 | 24 24 96 | 55,392
relu_3 | relu | 24 24 96 | 0
pool_3 | pool 2x2 | 12 12 96 | 0
norm_3 | norm | 12 12 96 | 384
conv_4 | conv 3x3 | 12 12 128 | 110,720
relu_4 | relu | 12 12 128 | 0
pool_4 | pool 2x2 | 6 6 128 | 0
norm_4 | norm | 6 6 128 | 512
conv_5 | conv 3x3 | 6 6 64 | 73,792
relu_5 | relu | 6 6 64 | 0
pool_5 | pool 2x2 | 3 3 64 | 0
norm_5 | norm | 3 3 64 | 256
dense_1 | dense | 256 | 147,712
relu_6 | relu | 256 | 0
dense_2 | dense | 256 | 65,792
relu_7 | relu | 256 | 0
dense_3 | dense | 7 | 1,799
"""
)

# Table 2 of Umer et al. 2022. The dense rows hold ReLU and batch norm; the counts of the second
# and third leave the batch norms out, the total holds them.
CNN2 = rows(
    """
conv_1 | conv 3x3 | 96 96 32 | 896
relu_1 | relu | 96 96 32 | 0
norm_1 | norm | 96 96 32 | 128
conv_2 | conv 3x3 | 96 96 32 | 9,248
relu_2 | relu | 96 96 32 | 0
norm_2 | norm | 96 96 32 | 128
pool_1 | pool 2x2 | 48 48 32 | 0
conv_3 | conv 3x3 | 48 48 64 | 18,496
relu_3 | relu | 48 48 64 | 0
norm_3 | norm | 48 48 64 | 256
conv_4 | conv 3x3 | 48 48 64 | 36,928
relu_4 | relu | 48 48 64 | 0
norm_4 | norm | 48 48 64 | 256
pool_2 | pool 2x2 | 24 24 64 | 0
conv_5 | conv 3x3 | 24 24 128 | 73,856
relu_5 | relu | 24 24 128 | 0
norm_5 | norm | 24 24 128 | 512
conv_6 | conv 3x3 | 24 24 128 | 147,584
relu_6 | relu | 24 24 128 | 0
norm_6 | norm | 24 24 128 | 512
pool_3 | pool 2x2 | 12 12 128 | 0
dense_1 | dense | 1024 | 18,875,392
relu_7 | relu | 1024 | 0
norm_7 | norm | 1024 | 4,096
dense_2 | dense | 512 | 524,800
relu_8 | relu | 512 | 0
norm_8 | norm | 512 | 2,048
dense_3 | dense | 256 | 131,328
relu_9 | relu | 256 | 0
norm_9 | norm | 256 | 1,024
dense_4 | dense | 7 | 1,799
"""
)

_PATIL = """
conv2d_9 | conv 3x1 | 48 48 64 | 256
conv2d_10 | conv 1x3 | 48 48 64 | 12,352
batch_normalization_8 | norm | 48 48 64 | 256
activation_10 | relu | 48 48 64 | 0
max_pooling2d_5 | pool 2x2 | 24 24 64 | 0
conv2d_11 | conv 3x1 | 24 24 128 | 24,704
conv2d_12 | conv 1x3 | 24 24 128 | 49,280
batch_normalization_9 | norm | 24 24 128 | 512
activation_11 | relu | 24 24 128 | 0
max_pooling2d_6 | pool 2x2 | 12 12 128 | 0
conv2d_13 | conv 3x1 | 12 12 256 | 98,560
conv2d_14 | conv 1x3 | 12 12 256 | 196,864
batch_normalization_10 | norm | 12 12 256 | 1,024
activation_12 | relu | 12 12 256 | 0
max_pooling2d_7 | pool 2x2 | 6 6 256 | 0
conv2d_15 | conv 3x1 | 6 6 512 | 393,728
conv2d_16 | conv 1x3 | 6 6 512 | 786,944
batch_normalization_11 | norm | 6 6 512 | 2,048
activation_13 | relu | 6 6 512 | 0
max_pooling2d_8 | pool 2x2 | 3 3 512 | 0
dense_6 | dense | 512 | 2,359,808
batch_normalization_12 | norm | 512 | 2,048
activation_14 | relu | 512 | 0
"""
"""Figure 3.7 of Patil 2023. Kernels are not printed: 3x1 and 1x3 give the counts."""

PATIL_FER2013 = rows(_PATIL + "dense_7 | dense | 7 | 3,591")
# Figure 3.8: the same four blocks under other numbers, and one dense layer more.
PATIL_CKPLUS = rows(
    _PATIL
    + """
dense_2 | dense | 256 | 131,328
batch_normalization_6 | norm | 256 | 1,024
activation_6 | relu | 256 | 0
dense_3 | dense | 7 | 1,799
"""
)

# Section 3 of Minaee et al. 2021 names kinds and order; kernels, widths and the places of the
# warp's own layers are not printed, so shapes and counts here are of the reading in minaee.py.
DEEP_EMOTION = rows(
    """
locate_conv_1 | conv 7x7 | 42 42 8 | 400
locate_pool_1 | pool 2x2 | 21 21 8 | 0
locate_relu_1 | relu | 21 21 8 | 0
locate_conv_2 | conv 5x5 | 17 17 10 | 2,010
locate_pool_2 | pool 2x2 | 8 8 10 | 0
locate_relu_2 | relu | 8 8 10 | 0
locate_dense_1 | dense | 32 | 20,512
locate_relu_3 | relu | 32 | 0
locate_dense_2 | dense | 6 | 198
conv_1 | conv 3x3 | 46 46 32 | 320 | locate_dense_2
conv_2 | conv 3x3 | 44 44 32 | 9,248
pool_1 | pool 2x2 | 22 22 32 | 0
relu_1 | relu | 22 22 32 | 0
conv_3 | conv 3x3 | 20 20 32 | 9,248
conv_4 | conv 3x3 | 18 18 32 | 9,248
pool_2 | pool 2x2 | 9 9 32 | 0
relu_2 | relu | 9 9 32 | 0
dense_1 | dense | 50 | 129,650
dense_2 | dense | 7 | 357
"""
)

# Section IV.A of Yengikand et al. 2023 names six residual blocks in two kinds and figure 4 their
# two outputs; widths are not printed and are those of yengikand.py.
YENGIKAND_BLOCKS = ("separable", "pooling", "separable", "pooling", "separable", "pooling")

TABLES = {
    "chowanda-arch1": (ARCH1, 293_951),
    "chowanda-arch2": (ARCH2, 1_142_463),
    "chowanda-arch3": (ARCH3, 306_831),
    "chowanda-arch4": (ARCH4, 1_155_343),
    "umer-cnn1": (CNN1, 476_135),
    "umer-cnn2": (CNN2, 19_829_287),
    "patil-fer2013": (PATIL_FER2013, 3_931_975),
    "patil-ckplus": (PATIL_CKPLUS, 4_062_535),
}
"""Tables whose layers, shapes and counts are all printed, with their printed totals."""
