from __future__ import annotations

import pytest
import torch

from mobseg.device import choose_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("device", [CPU, CUDA])
def test_a_precision_that_is_named_is_taken(device):
    assert choose_precision("float32", device) == torch.float32
    assert choose_precision("bfloat16", device) == torch.bfloat16


@pytest.mark.parametrize(
    ("has_avx512_bf16", "has_amx", "expected"),
    [
        (False, False, torch.float32),
        (True, False, torch.bfloat16),
        (False, True, torch.bfloat16),
    ],
)
def test_auto_takes_what_the_processor_computes_in(monkeypatch, has_avx512_bf16, has_amx, expected):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_avx512_bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_amx)
    assert choose_precision("auto", CPU) == expected
    assert choose_precision("auto", CUDA) == torch.float32


def test_auto_is_exact_where_pytorch_does_not_know_the_processor(monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert choose_precision("auto", CPU) == torch.float32
