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

import math

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

from fer_training.recipes.recipe import Augment
from fer_training.train import filters
from fer_training.train.augment import adjust, augment, degrade, erase, mixup, warp
from fer_training.train.batches import Batch, Targets


@pytest.fixture
def images() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(16, 1, 48, 48) * 255


def test_nothing_asked_changes_nothing(images: torch.Tensor) -> None:
    assert torch.allclose(augment(images, Augment(flip=0)), images, atol=1e-2)


def test_certain_flip_mirrors(images: torch.Tensor) -> None:
    assert torch.allclose(warp(images, Augment(flip=1)), images.flip(-1), atol=1e-2)


def test_shift_moves_by_at_most_its_share() -> None:
    torch.manual_seed(0)
    images = torch.zeros(200, 1, 48, 48)
    images[:, :, 24, 24] = 255
    moved = warp(images, Augment(flip=0, shift=0.1))
    peak = moved.flatten(1).argmax(1)
    offsets = torch.stack([peak // 48, peak % 48]).float() - 24
    assert offsets.abs().max() <= 0.1 * 48 + 1
    assert offsets.abs().max() >= 3


@pytest.mark.parametrize("angle", [5.0, 40.0])
def test_rotation_stays_within_its_limit(angle: float) -> None:
    torch.manual_seed(0)
    images = torch.zeros(200, 1, 48, 48)
    images[:, :, 24, 40:44] = 255
    turned = warp(images, Augment(flip=0, rotation=angle))
    peak = turned.flatten(1).argmax(1)
    turn = torch.atan2((peak // 48).float() - 23.5, (peak % 48).float() - 23.5).rad2deg()
    assert turn.abs().max() <= angle + 4
    assert turn.abs().max() >= angle / 2


def test_strong_settings_keep_shape_and_range(images: torch.Tensor) -> None:
    strong = Augment(
        rotation=30, shift=0.2, zoom=0.3, shear=0.2, brightness=0.5, contrast=0.5,
        distortion=0.1, erase=1.0, filters=1.0,
    )  # fmt: skip
    out = augment(images, strong)
    assert out.shape == images.shape
    assert out.min() >= 0
    assert out.max() <= 255


def test_equal_seeds_give_equal_batches(images: torch.Tensor) -> None:
    config = Augment(rotation=10, erase=0.5, contrast=0.2)
    results = []
    for _ in range(2):
        torch.manual_seed(7)
        results.append(augment(images, config))
    assert torch.equal(*results)


def test_contrast_turns_about_the_mean(images: torch.Tensor) -> None:
    out = adjust(
        images * 0.2 + 100,
        Augment(contrast=0.3),
    )
    assert torch.allclose(out.mean((1, 2, 3)), (images * 0.2 + 100).mean((1, 2, 3)), atol=0.1)


def test_erased_area_is_bounded_and_flat() -> None:
    images = torch.arange(48.0 * 48).reshape(1, 1, 48, 48).repeat(100, 1, 1, 1)
    changed = erase(images, 1.0, 0.2) != images
    shares = changed.float().mean((1, 2, 3))
    assert shares.max() <= 0.25
    assert (shares > 0).float().mean() > 0.9
    assert torch.equal(erase(images, 0.0, 0.2), images)


def test_mixup_blends_images_and_targets_alike() -> None:
    torch.manual_seed(0)
    own = torch.eye(4)
    images = own.reshape(4, 1, 1, 4).expand(4, 1, 4, 4) * 1.0
    mixed = mixup(Batch(images, Targets(own, votes=2 * own)), 0.5)
    soft = mixed.targets.labels
    assert torch.allclose(soft.sum(1), torch.ones(4))
    assert torch.allclose(mixed.images[:, 0, 0], soft)
    assert torch.equal(mixed.targets.votes, 2 * soft)


@pytest.mark.parametrize("number", range(filters.FILTERS))
def test_filters_keep_flat_images(number: int) -> None:
    flat = torch.full((2, 1, 12, 12), 90.0)
    assert torch.allclose(filters.apply_filter(flat, number), flat, atol=1e-3)


def test_there_are_nine_different_sharpening_masks_and_seventeen_augmentations() -> None:
    assert len(set(filters.SHARPENING)) == 9
    spatial = {"rotation", "scaling", "shearing", "zooming", "filling", "flip"}
    assert filters.FILTERS + len(spatial) == 17


def test_bilateral_smooths_noise_but_keeps_an_edge() -> None:
    torch.manual_seed(0)
    images = torch.full((1, 1, 20, 20), 40.0)
    images[..., 10:] = 200
    out = filters.bilateral(images + torch.randn(1, 1, 20, 20) * 5)
    assert out[..., 2:8].std() < 3
    assert (out[..., 11] - out[..., 8]).mean() > 140


def test_sharpening_raises_the_contrast_of_an_edge() -> None:
    images = torch.full((1, 1, 9, 9), 100.0)
    images[..., 5:] = 120
    for mask in range(6):
        out = filters.sharpen(images, mask)
        assert out.max() - out.min() > 20
    assert filters.unsharp(images).max() > 120


def test_no_degradation_changes_nothing_and_draws_nothing(images: torch.Tensor) -> None:
    before = torch.get_rng_state()
    assert torch.equal(degrade(images, Augment()), images)
    assert torch.equal(torch.get_rng_state(), before)


def test_gamma_bends_tones_within_its_octaves() -> None:
    torch.manual_seed(0)
    grey = torch.full((200, 1, 4, 4), 127.5)
    out = degrade(grey, Augment(gamma=1.0))
    exponents = torch.log2(torch.log(out[:, 0, 0, 0] / 255) / math.log(0.5))
    assert exponents.abs().max() <= 1.001
    assert exponents.min() < -0.9
    assert exponents.max() > 0.9
    ends = torch.tensor([0.0, 255.0]).repeat(200, 1, 4, 2)
    assert torch.allclose(degrade(ends, Augment(gamma=1.0)), ends)


def test_shrinking_drops_what_a_small_face_cannot_show() -> None:
    torch.manual_seed(0)
    stripes = torch.zeros(20, 1, 48, 48)
    stripes[..., ::2] = 255
    out = degrade(stripes, Augment(shrink=1.0, shrink_side=16))
    assert out.shape == stripes.shape
    assert (out.std(dim=(1, 2, 3)) < 0.8 * stripes.std()).all()
    flat = torch.full((2, 1, 48, 48), 80.0)
    assert torch.allclose(degrade(flat, Augment(shrink=1.0)), flat, atol=1e-3)


def test_blur_is_at_most_its_sigma() -> None:
    point = torch.zeros(1, 1, 49, 49)
    point[..., 24, 24] = 255
    offsets = torch.arange(49.0) - 24
    sigmas = []
    for seed in range(20):
        torch.manual_seed(seed)
        out = degrade(point, Augment(blur=1.0, blur_sigma=1.5))
        assert float(out.sum()) == pytest.approx(255, rel=1e-4)
        sigmas.append(float((out[0, 0].sum(0) * offsets**2).sum() / 255) ** 0.5)
    assert max(sigmas) <= 1.5
    assert max(sigmas) > 1.2 > 0.6 > min(sigmas)


def test_noise_is_at_most_its_sigma_and_keeps_the_range() -> None:
    torch.manual_seed(0)
    grey = torch.full((200, 1, 48, 48), 128.0)
    deviations = degrade(grey, Augment(noise=1.0, noise_sigma=0.1)).std(dim=(1, 2, 3))
    assert deviations.max() <= 25.5 * 1.05
    assert deviations.max() > 20
    assert deviations.min() < 5
    dark = degrade(torch.zeros(20, 1, 48, 48), Augment(noise=1.0, noise_sigma=0.5))
    assert dark.min() == 0
    assert dark.max() <= 255


@pytest.mark.parametrize("kind", ["shrink", "blur", "noise"])
def test_degradations_touch_the_asked_share(images: torch.Tensor, kind: str) -> None:
    torch.manual_seed(0)
    many = images.repeat(25, 1, 1, 1)
    changed = (degrade(many, Augment(**{kind: 0.3})) != many).flatten(1).any(1)
    assert float(changed.float().mean()) == pytest.approx(0.3, abs=0.07)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 1.5, 2.7])
def test_gaussian_blur_is_the_one_of_opencv(images: torch.Tensor, sigma: float) -> None:
    side = 2 * max(1, math.ceil(3 * sigma)) + 1
    out = filters.gaussian_blur(images, sigma)
    for image, blurred in zip(images[:, 0].numpy(), out[:, 0].numpy(), strict=True):
        expected = cv2.GaussianBlur(
            image, (side, side), sigma, sigmaY=sigma, borderType=cv2.BORDER_REPLICATE
        )
        assert np.abs(blurred - expected).max() < 1e-2


def test_gain_multiplies_and_clips_at_white() -> None:
    torch.manual_seed(0)
    images = torch.full((300, 1, 8, 8), 100.0)
    changed = degrade(images, Augment(gain=2.0))
    assert float(changed.max()) == 255
    assert 25 <= float(changed.min()) < 35
    assert torch.equal(changed.amin((1, 2, 3)), changed.amax((1, 2, 3)))


def test_sharpening_undoes_some_blur_and_spares_flat_parts(images: torch.Tensor) -> None:
    torch.manual_seed(0)
    blurred = filters.gaussian_blur(images, 1.0)
    sharp = degrade(blurred, Augment(sharpen=1.0))
    assert (sharp.std((1, 2, 3)) > blurred.std((1, 2, 3))).all()
    flat = torch.full((4, 1, 48, 48), 90.0)
    assert torch.allclose(degrade(flat, Augment(sharpen=1.0)), flat, atol=0.1)
