from __future__ import annotations

import pytest
import torch

from mobseg.errors import BundleError
from mobseg.worker.model_cache import MAX_MODELS, ModelCache
from tests.support.model_factory import make_model_folder


def make_model(path, seed=0):
    return str(make_model_folder(path, patch=(8, 8, 8), features=(2, 4), seed=seed))


@pytest.fixture
def folder(tmp_path):
    return make_model(tmp_path / "model")


def test_a_model_is_loaded_once(folder):
    cache = ModelCache()
    assert cache.get(folder, "cpu") is cache.get(folder, "cpu")
    assert cache.times_loaded == 1


def test_other_names_of_the_same_device_share_a_model(folder, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    cache = ModelCache()
    first = cache.get(folder, "cpu")
    assert cache.get(folder, "auto") is first


def test_a_model_that_was_trained_anew_is_loaded_anew(folder, tmp_path):
    cache = ModelCache()
    old = cache.get(folder, "cpu")
    other = cache.get(make_model(tmp_path / "other", seed=1), "cpu")
    other.folder.checkpoint_paths[0].replace(old.folder.checkpoint_paths[0])
    new = cache.get(folder, "cpu")
    weights = [next(model.networks[0].parameters()) for model in (old, other, new)]
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(weights[1], weights[2])
    assert cache.times_loaded == 3


def test_a_model_that_fell_back_to_the_cpu_is_loaded_anew(folder):
    cache = ModelCache()
    # "meta" stands for any device that is not the one asked for.
    cache.get(folder, "cpu").networks[0].to("meta")
    again = cache.get(folder, "cpu")
    assert next(again.networks[0].parameters()).device.type == "cpu"
    assert len(cache.models) == 1


def test_the_least_recently_used_model_goes_first(tmp_path):
    folders = [make_model(tmp_path / f"model_{n}", seed=n) for n in range(MAX_MODELS + 1)]
    cache = ModelCache()
    for folder in folders[:MAX_MODELS]:
        cache.get(folder, "cpu")
    cache.get(folders[0], "cpu")
    cache.get(folders[-1], "cpu")
    assert [model.id for model in cache.models] == [f"model_{MAX_MODELS}", "model_0"]
    assert cache.times_loaded == MAX_MODELS + 1


def test_a_failed_load_leaves_the_others_usable(folder, tmp_path):
    cache = ModelCache()
    first = cache.get(folder, "cpu")
    with pytest.raises(BundleError):
        cache.get(str(tmp_path / "nothing"), "cpu")
    assert cache.get(folder, "cpu") is first
