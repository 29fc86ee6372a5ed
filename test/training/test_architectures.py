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

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

from torch import nn

from fer_training import architectures
from fer_training.architectures import complexity
from fer_training.architectures.minaee import SpatialTransformer
from fer_training.architectures.yengikand import AdditiveAttention

PUBLISHED = {
    "chowanda-arch1": 293_951,
    "chowanda-arch2": 1_142_463,
    "chowanda-arch3": 306_831,
    "chowanda-arch4": 1_155_343,
    "umer-cnn1": 476_135,
    "umer-cnn2": 19_829_287,
    "patil-fer2013": 3_931_975,
    "patil-ckplus": 4_062_535,
}


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_parameter_counts_are_the_published_ones(name: str, count: int) -> None:
    assert architectures.parameter_count(architectures.create(name)) == count
    assert architectures.get(name).parameters == count


@pytest.mark.parametrize("name", architectures.names())
def test_every_network_gives_logits_of_the_right_shape(name: str) -> None:
    entry = architectures.get(name)
    network = architectures.create(name, classes=8).eval()
    with torch.no_grad():
        out = network(torch.randn(2, entry.channels, entry.size, entry.size))
    assert out.shape == (2, 8)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize(("name", "wide"), [("umer-cnn1", 64), ("umer-cnn2", 128)])
def test_umer_networks_of_other_sizes_differ_in_the_first_dense_layer_alone(
    name: str, wide: int
) -> None:
    counts = {}
    for size, suffix in ((48, "-48"), (64, "-64"), (96, "")):
        assert architectures.get(name + suffix).size == size
        counts[size] = [
            p.shape for p in architectures.create(name + suffix).parameters() if p.ndim > 1
        ]
    for size, halvings in ((48, 3 if wide == 128 else 5), (64, 3 if wide == 128 else 5)):
        side = size // 2**halvings
        changed = [own for own, full in zip(counts[size], counts[96], strict=True) if own != full]
        assert [shape[1] for shape in changed] == [side * side * wide]


def test_spatial_transformer_starts_as_identity_and_can_mirror() -> None:
    transformer = SpatialTransformer(48)
    transformer.start_as_identity()
    x = torch.rand(2, 1, 48, 48)
    with torch.no_grad():
        assert torch.allclose(transformer(x), x, atol=1e-5)
        transformer.affine[-1].bias.copy_(torch.tensor([-1.0, 0, 0, 0, 1, 0]))
        assert torch.allclose(transformer(x), x.flip(-1), atol=1e-5)


def test_additive_attention_weighs_positions_by_their_score() -> None:
    attention = AdditiveAttention(width=2, hidden=1)
    with torch.no_grad():
        attention.project.weight.copy_(torch.tensor([[50.0, 0, 0, 0]]))
        attention.project.bias.zero_()
        attention.score.weight.fill_(20.0)
        h = torch.tensor([[[1.0, 0], [-1.0, 0]]])  # scores +20 and -20
        s = torch.tensor([[[3.0, 4], [7.0, 8]]])
        assert torch.allclose(attention(h, s), torch.tensor([[3.0, 4.0]]), atol=1e-4)


def test_multiply_accumulates_of_a_hand_worked_network() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(2 * 4 * 4, 5))
    assert complexity.multiply_accumulates(network, 1, 4) == 9 * 2 * 16 + 32 * 5


def test_unknown_names_and_options_are_named() -> None:
    with pytest.raises(ValueError, match="unknown architecture 'resnet'"):
        architectures.create("resnet")
    with pytest.raises(ValueError, match="depth"):
        architectures.create("chowanda-arch1", depth=3)


@pytest.mark.parametrize("name", ["fer-lite", "fer-base"])
def test_without_attention_nothing_attends(name: str) -> None:
    full, plain = (architectures.create(name, attention=on).eval() for on in (True, False))
    assert architectures.parameter_count(plain) < architectures.parameter_count(full)
    kinds = {type(module).__name__ for module in plain.modules()}
    assert not kinds & {"ChannelAttention", "FusedAttentionPool"}
    assert plain(torch.zeros(2, 1, 48, 48)).shape == (2, 7)
