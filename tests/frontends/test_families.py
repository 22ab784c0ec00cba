"""Tiny random models of each family as files: the graph computes what a plain implementation computes, and is proved."""

from __future__ import annotations

import json

import numpy as np
import plain_models as plain
import pytest
from plain_models import CONTEXT, HEADS, INNER, LAYERS, SHARED, WIDTH, WORDS
from weight_files import F16, F32, Q4_0, Q4_1, Q8_0, bfloat16, gguf_bytes, write_folder

import tacit
from tacit.frontends import models
from tacit.observe import run_float

TOKENS, EPSILON = 6, 1e-5
RNG = np.random.default_rng(11)
IDS = RNG.integers(0, WORDS, (4, TOKENS))
POSITIONS = np.array([5, 3, 0, 4])

BERT = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "num_hidden_layers": LAYERS,
    "hidden_size": WIDTH,
    "num_attention_heads": HEADS,
    "intermediate_size": INNER,
    "max_position_embeddings": CONTEXT,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "vocab_size": WORDS,
}
GPT2 = {"model_type": "gpt2", "n_layer": LAYERS, "n_embd": WIDTH, "n_head": HEADS, "n_positions": CONTEXT, "vocab_size": WORDS}
GPT2_NAMES = {
    "wte": "token_embd",
    "wpe": "position_embd",
    "ln_f": "output_norm",
    "ln_1": "attn_norm",
    "ln_2": "ffn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}
LLAMA_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def llama_config(kind: str, size: int, **more):
    return {
        "model_type": kind,
        "num_hidden_layers": LAYERS,
        "hidden_size": WIDTH,
        "num_attention_heads": HEADS,
        "num_key_value_heads": SHARED,
        "intermediate_size": INNER,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": EPSILON,
        "rope_theta": 500.0,
        "head_dim": size,
        "vocab_size": WORDS,
        **more,
    }


def llama_metadata(kind: str, size: int):
    numbers = {
        "block_count": LAYERS,
        "embedding_length": WIDTH,
        "attention.head_count": HEADS,
        "attention.head_count_kv": SHARED,
        "attention.key_length": size,
        "feed_forward_length": INNER,
        "context_length": CONTEXT,
        "rope.freq_base": 500.0,
        "attention.layer_norm_rms_epsilon": EPSILON,
    }
    return {"general.architecture": kind, **{f"{kind}.{key}": value for key, value in numbers.items()}}


def renamed(name: str, names: dict[str, str], layer: str) -> str:
    """A published name as GGUF has it: 'model.layers.1.mlp.up_proj.weight' -> 'blk.1.ffn_up.weight'."""
    stem, _, suffix = name.rpartition(".")
    if not stem.startswith(layer):
        return f"{names[stem]}.{suffix}"
    number, _, part = stem.removeprefix(layer).partition(".")
    return f"blk.{number}.{names[part]}.{suffix}"


def turns(size: int) -> np.ndarray:
    return np.array([500.0 ** (-2 * j / size) for j in range(size // 2)])


def logits(path, ids=IDS, positions=POSITIONS) -> np.ndarray:
    graph = models.load(path, {"input_ids": ids.shape[-1:], "position": ()}, set())
    return np.concatenate(
        [run_float(graph, {"input_ids": i[None], "position": p.reshape(1)})["logits"] for i, p in zip(ids, positions)]
    )


def compare(found: np.ndarray, expected: np.ndarray, tolerance: float = 2e-5) -> None:
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())


def prove(path, samples, tolerance: float = 0.02) -> None:
    """Compiled, executed with every relation, proved, verified; near the float model on inputs that were not samples."""
    model = tacit.compile(path, {name: array[:3] for name, array in samples.items()}, widths="faithful")
    last = {name: array[3:] for name, array in samples.items()}
    from tacit.execute import execute
    from tacit.inputs import many

    (row,) = many(last, model.declared)
    execute(model.program, model.tensors(), model.integers(row), check=True)
    receipt = model.prove(row, context=b"tiny")
    tacit.verify(receipt, model.key, context=b"tiny")
    graph = models.load(path, {name: array.shape[1:] for name, array in samples.items()}, set())
    (expected,) = run_float(graph, row).values()
    assert np.abs(receipt.outputs[0] - expected).max() <= tolerance * np.abs(expected).max()


SEQUENCES = {"input_ids": IDS, "position": POSITIONS}
MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 0, 0]])


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    tensors = plain.bert_tensors(np.random.default_rng(1))
    return write_folder(tmp_path_factory.mktemp("bert"), BERT, tensors), tensors


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    tensors = plain.llama_tensors(np.random.default_rng(2), "llama", 8, tied=False)
    return write_folder(tmp_path_factory.mktemp("llama"), llama_config("llama", 8), tensors), tensors


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_bert(tmp_path, bert, prefix):
    _, tensors = bert
    folder = write_folder(tmp_path, BERT, {prefix + name: array for name, array in tensors.items()})
    graph = models.load(folder, {"input_ids": (1, TOKENS), "attention_mask": (TOKENS,)}, set())
    for ids, mask in zip(IDS, MASK):
        found = run_float(graph, {"input_ids": ids[None], "attention_mask": mask[None]})["last_hidden_state"][0]
        compare(found[mask == 1], plain.bert(tensors, ids, mask)[mask == 1])


def modules(folder, *kinds: str, **modes: bool) -> None:
    listed = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}", "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": WIDTH, **modes}))


@pytest.mark.parametrize("mode, unit", [("mean", True), ("mean", False), ("cls", True)])
def test_sentence_embeddings(tmp_path, bert, mode, unit):
    _, tensors = bert
    folder = write_folder(tmp_path, BERT, tensors)
    modules(
        folder,
        "Transformer",
        "Pooling",
        *(["Normalize"] if unit else []),
        pooling_mode_mean_tokens=mode == "mean",
        pooling_mode_cls_token=mode == "cls",
    )
    graph = models.load(folder, {"input_ids": (TOKENS,), "attention_mask": (TOKENS,)}, set())
    for ids, mask in zip(IDS, MASK):
        state = plain.bert(tensors, ids, mask)
        expected = state[mask == 1].mean(0) if mode == "mean" else state[0]
        expected = expected / np.linalg.norm(expected) if unit else expected
        compare(run_float(graph, {"input_ids": ids[None], "attention_mask": mask[None]})["sentence_embedding"][0], expected)
    if mode == "mean" and unit:
        prove(folder, {"input_ids": IDS, "attention_mask": MASK})


def test_other_modules_are_refused(tmp_path, bert):
    folder = write_folder(tmp_path, BERT, bert[1])
    shapes = {"input_ids": (TOKENS,), "attention_mask": (TOKENS,)}
    for kinds, modes, reason in [
        (("Transformer", "Pooling", "Dense"), {"pooling_mode_mean_tokens": True}, "a module 'Dense'"),
        (("Transformer", "Pooling"), {"pooling_mode_max_tokens": True}, "pooling_mode_max_tokens"),
        (
            ("Transformer", "Pooling"),
            {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
            "pooling_mode_mean_tokens and",
        ),
        (("Transformer", "Normalize"), {}, "an order that cannot be built"),
    ]:
        modules(folder, *kinds, **modes)
        with pytest.raises(tacit.ModelError, match=reason):
            models.load(folder, shapes, set())


@pytest.mark.parametrize("kind, size, tied", [("llama", 8, False), ("llama", 8, True), ("qwen2", 8, True), ("qwen3", 12, True)])
def test_llama_and_kin(tmp_path, kind, size, tied):
    tensors = plain.llama_tensors(np.random.default_rng(3), kind, size, tied)
    folder = write_folder(tmp_path, llama_config(kind, size, tie_word_embeddings=tied), tensors)
    expected = np.stack([plain.llama(tensors, ids, size, turns(size), EPSILON)[at] for ids, at in zip(IDS, POSITIONS)])
    compare(logits(folder), expected)
    if tied:
        prove(folder, SEQUENCES)


def test_llama_with_stretched_positions(tmp_path, llama):
    _, tensors = llama
    scaling = {
        "rope_type": "llama3",
        "factor": 4.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    folder = write_folder(tmp_path, llama_config("llama", 8, rope_scaling=scaling), tensors)
    slowed = []
    for turn in turns(8):
        length = 2 * np.pi / turn
        if length < 64 / 4.0:
            slowed.append(turn)
        elif length > 64 / 1.0:
            slowed.append(turn / 4)
        else:
            smooth = (64 / length - 1) / (4 - 1)
            slowed.append((1 - smooth) * turn / 4 + smooth * turn)
    assert len({round(a / b, 3) for a, b in zip(slowed, turns(8))}) == 3, "kept, between and slowed"
    expected = np.stack([plain.llama(tensors, ids, 8, np.array(slowed), EPSILON)[at] for ids, at in zip(IDS, POSITIONS)])
    compare(logits(folder), expected)
    config = llama_config("llama", 8, rope_parameters={**scaling, "rope_theta": 500.0})
    del config["rope_theta"]
    np.testing.assert_array_equal(logits(write_folder(tmp_path, config, tensors)), logits(folder))


def test_gpt2(tmp_path):
    tensors = plain.gpt2_tensors(np.random.default_rng(4))
    expected = np.stack([plain.gpt2(tensors, ids)[at] for ids, at in zip(IDS, POSITIONS)])
    compare(logits(write_folder(tmp_path / "a", GPT2, tensors)), expected)
    with_head = {f"transformer.{name}": array for name, array in tensors.items()} | {"lm_head.weight": tensors["wte.weight"]}
    folder = write_folder(tmp_path / "b", GPT2, with_head)
    compare(logits(folder), expected)
    prove(folder, SEQUENCES)


def test_halves_and_brain_floats_mean_their_float32(tmp_path, llama):
    _, tensors = llama
    halves = {name: array.astype(np.float16) for name, array in tensors.items()}
    floats = {name: array.astype(np.float32) for name, array in halves.items()}
    config = llama_config("llama", 8)
    np.testing.assert_array_equal(
        logits(write_folder(tmp_path / "a", config, halves)), logits(write_folder(tmp_path / "b", config, floats))
    )
    brains = {name: bfloat16(array) for name, array in tensors.items()}
    floats = {name: (array.view(np.uint32) & 0xFFFF0000).view(np.float32) for name, array in tensors.items()}
    np.testing.assert_array_equal(
        logits(write_folder(tmp_path / "c", config, brains)), logits(write_folder(tmp_path / "d", config, floats))
    )


@pytest.mark.parametrize("kind, size, quantised", [("llama", 8, Q4_1), ("llama", 8, Q8_0), ("qwen2", 8, Q4_0), ("qwen3", 16, F16)])
def test_gguf_of_llama_and_kin(tmp_path, kind, size, quantised):
    """The reference gets the floats that the blocks mean; Llama's rotary pairs stand next to each other in these files."""
    tensors = plain.llama_tensors(np.random.default_rng(5), kind, size, tied=kind != "llama")
    names = {renamed(name, LLAMA_NAMES, "model.layers."): name for name in tensors}
    stored = {
        new: (tensors[name], quantised if tensors[name].ndim == 2 and tensors[name].shape[1] % 32 == 0 else F32)
        for new, name in names.items()
    }
    data, meant = gguf_bytes(llama_metadata(kind, size), stored)
    (tmp_path / "m.gguf").write_bytes(data)
    meant = {names[new]: array for new, array in meant.items()}
    paired = kind == "llama"
    expected = np.stack([plain.llama(meant, ids, size, turns(size), EPSILON, paired)[at] for ids, at in zip(IDS, POSITIONS)])
    compare(logits(tmp_path / "m.gguf"), expected)
    if quantised == Q4_1:
        prove(tmp_path / "m.gguf", SEQUENCES)


def test_gguf_with_stretched_positions(tmp_path, llama):
    _, tensors = llama
    stored = {renamed(name, LLAMA_NAMES, "model.layers."): (array, F32) for name, array in tensors.items()}
    stretch = np.array([1.0, 2.0, 8.0, 8.0], np.float32)
    data, _ = gguf_bytes(llama_metadata("llama", 8), {**stored, "rope_freqs.weight": (stretch, F32)})
    (tmp_path / "m.gguf").write_bytes(data)
    expected = np.stack([plain.llama(tensors, ids, 8, turns(8) / stretch, EPSILON, True)[at] for ids, at in zip(IDS, POSITIONS)])
    compare(logits(tmp_path / "m.gguf"), expected)


def test_gguf_of_gpt2(tmp_path):
    tensors = plain.gpt2_tensors(np.random.default_rng(6))
    tensors = {name: array for name, array in tensors.items() if not name.endswith(".attn.bias")}
    stored = {
        renamed(name, GPT2_NAMES, "h."): (array.T if ".c_" in name and array.ndim == 2 else array, F32)
        for name, array in tensors.items()
    }
    numbers = {
        "block_count": LAYERS,
        "embedding_length": WIDTH,
        "attention.head_count": HEADS,
        "feed_forward_length": 4 * WIDTH,
        "context_length": CONTEXT,
        "attention.layer_norm_epsilon": 1e-5,
    }
    data, _ = gguf_bytes({"general.architecture": "gpt2", **{f"gpt2.{key}": value for key, value in numbers.items()}}, stored)
    (tmp_path / "renamed").write_bytes(data)  # recognised by its first bytes
    expected = np.stack([plain.gpt2(tensors, ids)[at] for ids, at in zip(IDS, POSITIONS)])
    compare(logits(tmp_path / "renamed"), expected)


def put(**changes):
    """Other settings; None takes one away."""
    return lambda config, tensors: [config.update(changes), *(config.pop(key) for key, value in changes.items() if value is None)]


def drop(name):
    return lambda config, tensors: tensors.pop(name)


def add(name, array):
    return lambda config, tensors: tensors.update({name: array})


@pytest.mark.parametrize(
    "change, reason",
    [
        (put(model_type="mamba"), "a model of the kind 'mamba'; from safetensors files these are built: bert, llama, qwen2"),
        (put(model_type=None), "says nothing of 'model_type'"),
        (put(model_type=["llama"]), "'model_type' as .'llama'., which is not a text"),
        (put(hidden_size=None), "says nothing of 'hidden_size'"),
        (put(hidden_size=33), "'model.embed_tokens.weight'.*shape .50, 32., its description says .50, 33."),
        (put(hidden_size=-1), "'hidden_size' as -1, which is not a positive whole number"),
        (put(hidden_size=1 << 60), "not a positive whole number"),
        (put(num_hidden_layers=3), "no tensor 'model.layers.2.input_layernorm.weight'"),
        (put(num_hidden_layers=1), "'model.layers.1.input_layernorm.weight' and 8 more, which a model of its kind"),
        (put(num_key_value_heads=3), "groups must be equal"),
        (put(num_key_value_heads=4), "'model.layers.0.self_attn.k_proj.weight'.*shape .16, 32., its description says .32, 32."),
        (put(head_dim=7), "sizes even"),
        (put(hidden_act="gelu"), "'hidden_act' as 'gelu', which cannot be built"),
        (put(partial_rotary_factor=0.5), "'partial_rotary_factor' as 0.5"),
        (put(rope_scaling={"rope_type": "yarn", "factor": 4.0}), "'rope_type' as 'yarn'"),
        (put(rope_scaling={"type": "linear", "factor": 2.0}), "'rope_type' as 'linear'|'type' as 'linear'"),
        (put(rope_scaling=3), "'rope_scaling' as 3"),
        (put(rms_norm_eps=float("nan")), "'rms_norm_eps' as nan"),
        (put(rms_norm_eps="x"), "'rms_norm_eps' as 'x'"),
        (put(tie_word_embeddings=1), "'tie_word_embeddings' as 1"),
        (put(max_position_embeddings=5), "takes 1 to 5 tokens, not 6"),
        (put(use_sliding_window=True, sliding_window=5), "takes 1 to 5 tokens, not 6"),
        (put(use_sliding_window=True), "says nothing of 'sliding_window'"),
        (put(model_type="qwen2"), "no tensor 'model.layers.0.self_attn.q_proj.bias'"),
        (put(model_type="qwen3"), "no tensor 'model.layers.0.self_attn.q_norm.weight'"),
        (drop("lm_head.weight"), "no tensor 'lm_head.weight'"),
        (drop("model.norm.weight"), "no tensor 'model.norm.weight'"),
        (add("model.layers.0.mlp.experts.weight", np.zeros(3, np.float32)), "'model.layers.0.mlp.experts.weight', which a model"),
        (add("model.norm.weight", np.arange(WIDTH)), "dtype I64; save the model in float32"),
    ],
)
def test_what_does_not_belong_together_is_refused(tmp_path, llama, change, reason):
    config, tensors = llama_config("llama", 8), dict(llama[1])
    change(config, tensors)
    folder = write_folder(tmp_path, config, tensors)
    with pytest.raises(tacit.ModelError, match=reason) as caught:
        tacit.compile(folder, SEQUENCES)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "change, reason",
    [
        (
            {"general.architecture": "rwkv"},
            "a model of the kind 'rwkv'; from gguf files these are built: llama, qwen2, qwen3, gpt2",
        ),
        ({"llama.rope.scaling.type": "linear"}, "'llama.rope.scaling.type' as 'linear'"),
        ({"llama.rope.dimension_count": 4}, "'llama.rope.dimension_count' as 4"),
        ({"llama.attention.head_count_kv": [2, 2]}, "'llama.attention.head_count_kv' as"),
        ({"llama.block_count": 3}, "no tensor 'blk.2.attn_norm.weight'"),
        ({"llama.block_count": 0}, "'llama.block_count' as 0"),
    ],
)
def test_gguf_that_does_not_belong_together_is_refused(tmp_path, llama, change, reason):
    stored = {renamed(name, LLAMA_NAMES, "model.layers."): (array, F32) for name, array in llama[1].items()}
    data, _ = gguf_bytes({**llama_metadata("llama", 8), **change}, stored)
    (tmp_path / "m.gguf").write_bytes(data)
    with pytest.raises(tacit.ModelError, match=reason):
        tacit.compile(tmp_path / "m.gguf", SEQUENCES)


def test_other_paths(tmp_path, llama):
    folder, tensors = llama
    np.testing.assert_array_equal(logits(folder / "model.safetensors"), logits(folder))
    for path, reason in [
        (tmp_path, "has no config.json; give an ONNX or GGUF file, or the folder of a model"),
        (tmp_path / "m.gguf", "m.gguf cannot be read"),
        (tmp_path / "m.safetensors", "config.json does not exist"),
        (tmp_path / "m.onnx", "does not exist"),
    ]:
        with pytest.raises(tacit.ModelError, match=reason):
            tacit.compile(path, SEQUENCES)
    with pytest.raises(tacit.InputError, match="'input_ids' is missing|no input named 'tokens'"):
        tacit.compile(folder, {"tokens": IDS, "position": POSITIONS})


def test_the_command_line_takes_them(tmp_path, llama):
    from tacit.services.cli import main

    np.savez(tmp_path / "samples.npz", **SEQUENCES)
    np.savez(tmp_path / "one.npz", input_ids=IDS[:1], position=POSITIONS[:1])
    model, receipt = str(tmp_path / "m.tacit"), str(tmp_path / "r")
    assert main(["compile", str(llama[0]), "--samples", str(tmp_path / "samples.npz"), "-o", model]) == 0
    assert main(["prove", model, "--input", str(tmp_path / "one.npz"), "-o", receipt]) == 0
    assert main(["verify", receipt, "--key", str(tmp_path / "m.key")]) == 0
    assert main(["compile", str(tmp_path), "--samples", str(tmp_path / "samples.npz"), "-o", model]) == 2


def test_the_number_of_tokens_is_a_dimension(bert):
    folder, _ = bert
    for shapes in ({"tokens": 9}, {"input_ids": (1, 9)}, {"attention_mask": (9,)}):
        assert {entry.name: entry.shape for entry in models.free_inputs(folder, shapes)} == {
            "input_ids": (1, 9),
            "attention_mask": (1, 9),
        }
    with pytest.raises(tacit.InputError, match="'words', which the model does not have; its dimensions: 'tokens'"):
        models.free_inputs(folder, {"words": 9})


def test_they_are_measured_next_to_onnxruntime(tmp_path, llama, capsys):
    from tacit.services.cli import main

    np.savez(tmp_path / "samples.npz", **SEQUENCES)
    command = [
        "bench",
        str(llama[0]),
        "--samples",
        str(tmp_path / "samples.npz"),
        "--shape",
        f"tokens={TOKENS}",
        "--runs",
        "1",
        "--json",
    ]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["onnxruntime_s"] > 0 and found["argmax_agreement"] == 1.0


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_logits_of_several_positions_and_of_all(tmp_path, llama, family):
    """`position` may name several tokens, or be left out."""
    if family == "llama":
        folder, tensors = llama
        expected = np.stack([plain.llama(tensors, ids, 8, turns(8), EPSILON) for ids in IDS])
    else:
        tensors = plain.gpt2_tensors(np.random.default_rng(4))
        folder = write_folder(tmp_path, GPT2, tensors)
        expected = np.stack([plain.gpt2(tensors, ids) for ids in IDS])
    asked = np.array([[5, 0], [2, 2], [0, 1], [4, 3]])
    everywhere = models.load(folder, {"input_ids": (TOKENS,), "position": None}, set())
    pair = models.load(folder, {"input_ids": (TOKENS,), "position": (2,)}, set())
    assert everywhere.inputs == ("input_ids",) and pair.values["logits"].shape == (2, WORDS)
    for ids, at, wanted in zip(IDS, asked, expected):
        compare(run_float(everywhere, {"input_ids": ids[None]})["logits"], wanted)
        compare(run_float(pair, {"input_ids": ids[None], "position": at})["logits"], wanted[at])
    assert [i.shape for i in models.free_inputs(folder, {"positions": 2})] == [(1, -1), (2,)]
    if family == "llama":
        pairs = tacit.compile(folder, {"input_ids": IDS, "position": asked}, shapes={"positions": 2})
        receipt = pairs.prove({"input_ids": IDS[0], "position": asked[0]})
        tacit.verify(receipt, pairs.key)
        compare(receipt.outputs[0], expected[0][asked[0]], 0.02)
        everywhere = tacit.compile(folder, {"input_ids": IDS}, shapes={"position": None})
        receipt = everywhere.prove({"input_ids": IDS[0]})
        tacit.verify(receipt, everywhere.key)
        compare(receipt.outputs[0], expected[0], 0.02)
    with pytest.raises(tacit.InputError, match="not None"):
        models.free_inputs(folder, {"input_ids": None})
