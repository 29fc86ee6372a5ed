from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

from fer_training import filters  # noqa: E402
from fer_training.augment import adjust, augment, erase, mixup, warp  # noqa: E402
from fer_training.recipe import Augment  # noqa: E402


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
    targets = torch.eye(4)
    images = targets.reshape(4, 1, 1, 4).expand(4, 1, 4, 4) * 1.0
    mixed, soft = mixup(images, targets, 0.5)
    assert torch.allclose(soft.sum(1), torch.ones(4))
    assert torch.allclose(mixed[:, 0, 0], soft)


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
