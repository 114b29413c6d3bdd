"""The names that other projects have for our options: a key that somebody is used to is answered with ours."""

from __future__ import annotations

from collections.abc import Collection

# Ours, some with the value that is meant, and theirs. A name may mean several; the first that a command has is it.
NAMES_ELSEWHERE = {
    "env": "environment env_name env_id environment_name task gym_id",
    "dataset": "data data_path dataset_path data_file dataset_dir data_dir",
    "name": "exp_name experiment run run_name exp tag",
    "output": "out out_dir output_dir log_dir logdir save_dir save_path",
    "out": "output out_dir output_dir log_dir logdir save_dir save_path",
    "policy": "checkpoint ckpt model_path checkpoint_path load weights",
    "seed": "random_seed rng_seed manual_seed",
    "seeds": "seed random_seed",
    "steps": "epochs n_epochs num_epochs iterations iters max_iters max_steps num_steps n_steps train_steps",
    "batch_size": "batch bs batchsize minibatch_size",
    "learning_rate": "lr learn_rate learningrate step_size",
    "weight_decay": "wd l2",
    "gradient_clip": "clip grad_clip clip_grad max_grad_norm grad_norm_clip",
    "warmup_fraction": "warmup warmup_steps warmup_ratio",
    "schedule": "scheduler lr_scheduler lr_schedule",
    "device=cuda": "gpu cuda use_gpu use_cuda gpus gpu_id",
    "device=cpu": "cpu no_cuda",
    "precision": "amp fp16 bf16 dtype mixed_precision",
    "compile": "torch_compile jit",
    "threads": "num_threads n_threads cpus",
    "evaluation_episodes": "num_episodes n_episodes eval_episodes num_eval_episodes",
    "final_episodes": "episodes test_episodes",
    "episodes": "num_episodes n_episodes eval_episodes num_eval_episodes",
    "evaluate_every": "eval_every eval_interval eval_freq evaluation_interval",
    "checkpoint_every": "save_every save_interval checkpoint_interval save_freq",
    "log_every": "log_interval log_freq logging_steps",
    "lanes": "n_envs num_envs parallel envs",
    "workers": "num_workers n_workers jobs n_jobs",
    "return_target": "target_return rtg return_to_go target returns_to_go desired_return",
    "delayed_reward": "sparse_reward sparse delay_reward",
    "quantise=true": "qat quantize quant",
    "quantise_bits": "bits n_bits weight_bits quantize_bits",
    "model.kind": "arch model_type algo algorithm",
    "model.embedding_size": "dim hidden hidden_size hidden_dim embed_dim embedding_dim n_embd d_model width d",
    "model.blocks": "layers n_layer n_layers num_layers depth n_blocks l",
    "model.heads": "n_head n_heads num_heads nhead",
    "model.context": "k context_length context_len seq_len sequence_length block_size",
    "model.time_steps": "t timesteps num_timesteps sim_steps time_window",
    "model.window": "s window_size attention_window",
    "model.beta": "tau alpha decay leak mem_decay",
    "model.threshold": "v_th vth v_threshold thresh",
    "model.mixing": "attention attn mixer token_mixing",
    "model.surrogate": "surrogate_function surrogate_gradient spike_grad",
}


def ours(theirs: str, keys: Collection[str]) -> str | None:
    """The one of ``keys`` that another's name means, with its value where the name says it; None if none does.

    A name that lies deeper in ``keys``, such as ``embedding_size`` in ``model.embedding_size``, means that.
    """
    last = theirs.rpartition(".")[2]
    deeper = [key for key in keys if key.rpartition(".")[2] == last and key != theirs]
    if len(deeper) == 1:
        return deeper[0]
    known = (our for our in NAMES_ELSEWHERE if our.partition("=")[0] in keys)
    return next((our for our in known if last.lower() in NAMES_ELSEWHERE[our].split()), None)
